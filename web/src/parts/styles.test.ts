import { expect, test } from "vitest";

// Preact 11 adds no unit: a length without one is ignored by browsers.
test("each length of a style has a unit", () => {
  const files = import.meta.glob<string>("../**/*.tsx", { query: "?raw", import: "default", eager: true });
  expect(Object.keys(files).length).toBeGreaterThan(20);
  const bare = /\b(width|height|(?:min|max)(?:Width|Height)|top|left|gap|margin\w*|padding\w*): (?:[1-9][\d.]*|window\.\w+)\s*[,}]/;
  const found = Object.entries(files).flatMap(([path, text]) => (text.match(/style=\{\{.*?\}\}/g) ?? []).filter((one) => bare.test(one)).map((one) => `${path}: ${one}`));
  expect(found).toEqual([]);
});
