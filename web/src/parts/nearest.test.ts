import { expect, test } from "vitest";
import { nearest } from "./nearest";

test("the frame of a time is the nearest one, unless none is near", () => {
  const times = [0, 0.1, 0.2, 1];
  expect(nearest(times, 0.04)).toBe(0);
  expect(nearest(times, 0.06)).toBe(1);
  expect(nearest(times, 0.3)).toBe(2);
  expect(nearest(times, 0.5)).toBe(-1);
  expect(nearest(times, 1.1)).toBe(3);
  expect(nearest([], 0)).toBe(-1);
});
