import type { Calibration } from "../api/types";
import { number, t } from "../words";
import { useWidth } from "./width";

const HEIGHT = 260;
const LEFT = 92;
const BELOW = 26;
const LABEL = 92; // px of a label and its room

/** The false match rate that was measured on other people against the one asked for. */
export function RatePlot({ calibration }: { calibration: Calibration }) {
  const [place, width] = useWidth(560);
  const rates = calibration.checked.filter((one) => one.low > 0).sort((a, b) => b.fmr - a.fmr);
  if (rates.length < 2) return <p class="soft">{t("trust.nocheck")}</p>;
  const top = Math.ceil(Math.log10(Math.max(...rates.map((one) => one.high))) - 1e-9);
  const low = Math.floor(Math.log10(Math.min(...rates.map((one) => Math.min(one.low, one.fmr)))) + 1e-9);
  const share = (rate: number) => (top - Math.log10(rate)) / (top - low);
  const x = (rate: number) => LEFT + share(rate) * (width - LEFT - 16);
  const y = (rate: number) => 12 + share(rate) * (HEIGHT - BELOW - 12);
  const path = (pick: (one: (typeof rates)[number]) => number, all = rates) => all.map((one) => `${x(one.fmr)},${y(pick(one))}`).join(" ");
  const decades = Array.from({ length: top - low + 1 }, (_, step) => 10 ** (top - step));
  const every = Math.ceil(((top - low) * LABEL) / (width - LEFT - 16)); // so that labels do not touch
  const label = (rate: number) => t("one.in", { n: number(Math.round(1 / rate)) });
  return (
    <div class="plot" ref={place}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} height={HEIGHT} role="img" aria-label={t("trust.plot")}>
        {decades.map((rate, step) => (
          <g key={rate}>
            <path class="rule" d={`M${LEFT} ${y(rate)}H${width - 16}M${x(rate)} 12V${HEIGHT - BELOW}`} />
            <text x={LEFT - 8} y={y(rate) + 4} text-anchor="end">
              {label(rate)}
            </text>
            {step % every === 0 && (
              <text x={x(rate)} y={HEIGHT - BELOW + 18} text-anchor={rate === decades.at(-1) ? "end" : "middle"}>
                {label(rate)}
              </text>
            )}
          </g>
        ))}
        <polyline class="ideal" points={`${x(10 ** top)},${y(10 ** top)} ${x(10 ** low)},${y(10 ** low)}`} />
        <polygon class="band" points={`${path((one) => one.low)} ${path((one) => one.high, [...rates].reverse())}`} />
        <polyline class="curve" points={path((one) => one.measured)} />
      </svg>
      <p class="small soft" style={{ textAlign: "center" }}>{t("trust.asked")}</p>
    </div>
  );
}
