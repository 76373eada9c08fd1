import { expect, test } from "vitest";
import german from "./words/de.json";
import english from "./words/en.json";
import { clock, oneIn, percent, t } from "./words";

test("both languages have the same texts with the same places to fill", () => {
  expect(Object.keys(german).sort()).toEqual(Object.keys(english).sort());
  const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [key, text] of Object.entries(english)) expect(places(german[key as keyof typeof german]), key).toEqual(places(text));
});

test("a text is filled, and its number chooses the form", () => {
  expect(t("people.photos", { n: 1 })).toBe("1 photo");
  expect(t("people.photos", { n: 1200 })).toBe("1,200 photos");
  expect(t("face.perhaps", { name: "{n} $&" })).toBe("{n} $&?");
});

test("a probability is never 0 or 1, and a rarity has two digits", () => {
  expect(percent(1)).toBe("> 99.9%");
  expect(percent(0)).toBe("< 0.1%");
  expect(oneIn(Math.log10(123456))).toBe("120,000");
  expect(clock(3723)).toBe("1:02:03");
});
