// Makes a fresh clone ready: checks Node, and installs what package-lock.json says unless it is there already. Only Node's own modules.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

const NEEDED = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  console.error(`Limbeck needs Node ${NEEDED.join(".")} or newer; this is Node ${process.versions.node}. Get one from https://nodejs.org.`);
  process.exit(1);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(`${root}/${path}`, "utf8"));
  } catch {
    return undefined;
  }
}

/** npm keeps in node_modules a lock file of what it installed there; packages for other platforms are not in it. */
function isInstalled() {
  const installed = readJson("node_modules/.package-lock.json");
  if (!installed) return false;
  return Object.entries(readJson("package-lock.json").packages).every(([path, { version, integrity, optional }]) => {
    if (path === "") return true;
    const found = installed.packages[path];
    return found ? found.version === version && found.integrity === integrity : optional;
  });
}

function install() {
  if (isInstalled()) return;
  console.log("Installing packages (npm ci); the first time this takes a minute or two.");
  const npm = process.env.npm_execpath?.endsWith("npm-cli.js") && process.env.npm_execpath;
  const args = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const options = { cwd: root, stdio: ["ignore", "inherit", "inherit"] };
  const { status } = npm
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (status === 0) return;
  console.error("npm ci failed: see its message above. With the network and the registry reachable, run the command again.");
  process.exit(1);
}

checkNode();
install();
