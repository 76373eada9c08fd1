import { useRef, useState } from "preact/hooks";
import { clock, coded, number, t } from "../words";
import { useWidth } from "./width";

const HEIGHT = 132;
const LEFT = 52;
const ABOVE = 22;
const BELOW = 20;

interface Props {
  column: { name: string; unit: string; about: string };
  times: number[]; // s
  reasons: string[];
  values: (number | null)[];
  low: (number | null)[] | null;
  high: (number | null)[] | null;
  other: { times: number[]; values: (number | null)[]; reasons: string[] } | null; // a second person
  events: { kind: string; onset: number; offset: number }[];
  seconds: number;
  time: number;
  brushed: [number, number] | null; // s
  onSeek: (time: number) => void;
  onBrush: (span: [number, number] | null) => void;
}

/** One measure over time: a band for its interval, gaps hatched with the reason, one cursor. */
export function Curves({ column, times, reasons, values, low, high, other, events, seconds, time, brushed, onSeek, onBrush }: Props) {
  const [place, width] = useWidth(700);
  const [from, setFrom] = useState<number | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const known = [...values, ...(low ?? []), ...(high ?? []), ...(other?.values ?? [])].filter((one): one is number => one !== null);
  const [bottom, top] = bounds(known);
  const digits = Math.max(0, 1 - Math.floor(Math.log10(top - bottom))); // so that marks differ
  const x = (moment: number) => LEFT + (moment / Math.max(seconds, 0.01)) * (width - LEFT - 8);
  const y = (value: number) => ABOVE + ((top - value) / (top - bottom)) * (HEIGHT - ABOVE - BELOW);
  const at = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect();
    const share = box ? ((event.clientX - box.left) / box.width) * width : LEFT;
    return Math.min(seconds, Math.max(0, ((share - LEFT) / (width - LEFT - 8)) * seconds));
  };
  const inside = brushed ? times.flatMap((moment, n) => (moment >= brushed[0] && moment <= brushed[1] && values[n] != null ? [values[n]] : [])) : [];
  return (
    <figure class="curves card" ref={place as never}>
      <figcaption class="actions">
        <b title={column.about}>{column.name}</b>
        <span class="small soft">{column.unit}</span>
        {inside.length > 1 && <span class="small">{t("analysis.mean", { mean: number(mean(inside), 2), sd: number(deviation(inside), 2), n: inside.length })}</span>}
      </figcaption>
      <svg
        ref={svg}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        width="100%"
        height={HEIGHT}
        role="img"
        aria-label={t("analysis.plot", { name: column.name, low: known.length ? number(Math.min(...known), 2) : "–", high: known.length ? number(Math.max(...known), 2) : "–" })}
        style={{ touchAction: "none", cursor: "crosshair" }}
        onPointerDown={(event) => setFrom(at(event))}
        onPointerMove={(event) => {
          if (from === null) return;
          const here = at(event);
          if (Math.abs(here - from) > seconds / 100) onBrush([Math.min(from, here), Math.max(from, here)]);
        }}
        onPointerUp={(event) => {
          const here = at(event);
          if (from !== null && Math.abs(here - from) <= seconds / 100) {
            onBrush(null);
            onSeek(here);
          }
          setFrom(null);
        }}
      >
        <defs>
          <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path class="hatch" d="M0 0V6" />
          </pattern>
        </defs>
        {[bottom, (bottom + top) / 2, top].map((value) => (
          <g key={value}>
            <path class="rule" d={`M${LEFT} ${y(value)}H${width - 8}`} />
            <text x={LEFT - 6} y={y(value) + 4} text-anchor="end">
              {number(value || 0, digits)}
            </text>
          </g>
        ))}
        {ticks(seconds).map((moment) => (
          <text key={moment} x={x(moment)} y={HEIGHT - 5} text-anchor="middle">
            {clock(moment)}
          </text>
        ))}
        {gaps(times, values, reasons).map(([start, end, reason]) => (
          <rect key={start} class="gap" x={x(start)} y={ABOVE} width={Math.max(1, x(end) - x(start))} height={HEIGHT - ABOVE - BELOW}>
            <title>{coded("reason", reason) ?? reason}</title>
          </rect>
        ))}
        {low && high && runs(times, low, high, reasons).map((run) => <polygon key={run[0]?.[0]} class="band" points={[...run.map(([moment, , upper]) => `${x(moment)},${y(upper)}`), ...run.toReversed().map(([moment, lower]) => `${x(moment)},${y(lower)}`)].join(" ")} />)}
        {runs(times, values, values, reasons).map((run) => (
          <polyline key={run[0]?.[0]} class="curve" points={run.map(([moment, value]) => `${x(moment)},${y(value)}`).join(" ")} />
        ))}
        {other &&
          runs(other.times, other.values, other.values, other.reasons).map((run) => (
            <polyline key={run[0]?.[0]} class="curve second" points={run.map(([moment, value]) => `${x(moment)},${y(value)}`).join(" ")} />
          ))}
        {events.map((one) => (
          <rect key={`${one.kind}${one.onset}`} class="event" x={x(one.onset)} y={ABOVE - 9} width={Math.max(2, x(one.offset) - x(one.onset))} height="5">
            <title>
              {one.kind} {clock(one.onset)}
            </title>
          </rect>
        ))}
        {brushed && <rect class="brush" x={x(brushed[0])} y={ABOVE} width={x(brushed[1]) - x(brushed[0])} height={HEIGHT - ABOVE - BELOW} />}
        <path class="cursor" d={`M${x(time)} ${ABOVE}V${HEIGHT - BELOW}`} />
      </svg>
    </figure>
  );
}

export const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
export const deviation = (values: number[]) => {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (values.length - 1));
};

/** A range around the values that is never empty. */
export function bounds(values: number[]): [number, number] {
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - room, high + room];
}

export function ticks(seconds: number): number[] {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((one) => seconds / one <= 8) ?? 7200;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, n) => n * step);
}

/**
 * Parts of two lists without a gap: [time, low, high] each.
 *
 * Heads are not read in every frame. A frame that is ok but was not read is no gap.
 */
export function runs(times: number[], low: (number | null)[], high: (number | null)[], reasons: string[]): [number, number, number][][] {
  const found: [number, number, number][][] = [];
  let open: [number, number, number][] | null = null;
  times.forEach((moment, n) => {
    const [a, b] = [low[n], high[n]];
    if (a == null || b == null) open = reasons[n] === "ok" ? open : null;
    else if (open) open.push([moment, a, b]);
    else found.push((open = [[moment, a, b]]));
  });
  return found;
}

/** Spans in which nothing was measured, each with the reason of its first frame. */
export function gaps(times: number[], values: (number | null)[], reasons: string[]): [number, number, string][] {
  const found: [number, number, string][] = [];
  let open: [number, number, string] | null = null;
  times.forEach((moment, n) => {
    if (values[n] != null || reasons[n] === "ok") open = null;
    else if (open) open[1] = moment;
    else found.push((open = [moment, moment, reasons[n] ?? ""]));
  });
  return found.filter(([start, end]) => end > start);
}
