/** The place of the frame that is nearest to a time, or -1 if none is near. */
export function nearest(times: number[], time: number, most = 0.12): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < time) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [low - 1, low].map((one) => Math.abs((times[one] ?? Infinity) - time)) as [number, number];
  const best = before < after ? low - 1 : low;
  return Math.min(before, after) <= most ? best : -1;
}
