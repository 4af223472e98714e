import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listOfLosses, listOfPresets } from "../scripts/list-losses.ts";
import { root } from "./limbeck.ts";

test("docs/losses.md lists every loss and preset as the code has them (else: npx jiti scripts/list-losses.ts)", () => {
  const page = readFileSync(join(root, "docs/losses.md"), "utf8");
  expect(page).toContain(listOfLosses());
  expect(page).toContain(listOfPresets());
});
