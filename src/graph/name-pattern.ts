/** Whether a name is one of those that a pattern stands for; `*` stands for anything. */
export function namePattern(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "s");
  return (name) => expression.test(name);
}
