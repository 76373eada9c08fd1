import { expect, test } from "vitest";
import { bounds, gaps, runs, ticks } from "./curves";

const TIMES = [0, 1, 2, 3, 4];

test("a line breaks where a value is missing", () => {
  const values = [1, 2, null, 4, 5];
  expect(runs(TIMES, values, values)).toEqual([
    [
      [0, 1, 1],
      [1, 2, 2],
    ],
    [
      [3, 4, 4],
      [4, 5, 5],
    ],
  ]);
});

test("a gap has its reason, and a frame that is ok but was not read says so", () => {
  expect(gaps(TIMES, [1, null, null, 4, 5], ["ok", "no-face", "no-face", "ok", "ok"])).toEqual([[1, 2, "no-face"]]);
  expect(gaps(TIMES, [1, null, null, 4, 5], ["ok", "ok", "ok", "ok", "ok"])).toEqual([[1, 2, "not-read"]]);
});

test("an axis is never empty and has at most nine marks", () => {
  expect(bounds([])).toEqual([0, 1]);
  const [low, high] = bounds([3, 3]);
  expect(high).toBeGreaterThan(low);
  for (const seconds of [0.5, 10, 600, 7200]) expect(ticks(seconds).length).toBeLessThan(10);
});
