import { expect, test } from "vitest";
import { bounds, gaps, runs, ticks } from "./curves";

const TIMES = [0, 1, 2, 3, 4];

test("a line breaks where a value is missing", () => {
  const values = [1, 2, null, 4, 5];
  expect(runs(TIMES, values, values, ["ok", "ok", "no-face", "ok", "ok"])).toEqual([
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

test("a frame that is ok but was not read is no gap", () => {
  const values = [1, null, null, 4, 5];
  const ok = TIMES.map(() => "ok");
  expect(runs(TIMES, values, values, ok).map((run) => run.length)).toEqual([3]);
  expect(gaps(TIMES, values, ok)).toEqual([]);
});

test("a gap has its reason", () => {
  expect(gaps(TIMES, [1, null, null, 4, 5], ["ok", "no-face", "no-face", "ok", "ok"])).toEqual([[1, 2, "no-face"]]);
});

test("an axis is never empty and has at most nine marks", () => {
  expect(bounds([])).toEqual([0, 1]);
  const [low, high] = bounds([3, 3]);
  expect(high).toBeGreaterThan(low);
  for (const seconds of [0.5, 10, 600, 7200]) expect(ticks(seconds).length).toBeLessThan(10);
});
