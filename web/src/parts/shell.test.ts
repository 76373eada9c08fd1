import { expect, test } from "vitest";
import { quoted } from "./shell";

test("a name cannot become a command", () => {
  expect(quoted("party.jpg")).toBe("party.jpg");
  expect(quoted("my party.jpg")).toBe("'my party.jpg'");
  expect(quoted("$(rm -rf ~).jpg")).toBe("'$(rm -rf ~).jpg'");
  expect(quoted("it's`x`")).toBe("'it'\\''s`x`'");
  expect(quoted("-o x")).toBe("'./-o x'");
  expect(quoted("")).toBe("''");
});
