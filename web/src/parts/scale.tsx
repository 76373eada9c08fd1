import { oneIn, t } from "../words";
import { OutcomeIcon, type Outcome } from "./icon";

const LONGEST = 12; // beyond 1 in a million million the order of magnitude says nothing

interface Props {
  outcome: Outcome;
  score: number;
  threshold: number;
  label?: string; // of the threshold
  runner: number | null;
}

/** Where a score lies between "like a stranger" and "like nobody else". */
export function Scale({ outcome, score, threshold, label, runner }: Props) {
  const high = Math.min(LONGEST, Math.max(4, Math.ceil(Math.max(score, threshold) + 0.5)));
  const at = (value: number) => 6 + Math.min(1, Math.max(0, value / high)) * 288;
  return (
    <svg class="scale" viewBox="0 0 300 44" preserveAspectRatio="xMinYMid meet" role="img" aria-label={t("scale.says", { rare: oneIn(score), asked: oneIn(threshold) })}>
      <rect class="zone-unknown" x={at(0)} y="12" width={at(threshold) - at(0)} height="10" />
      <rect class="zone-match" x={at(threshold)} y="12" width={at(high) - at(threshold)} height="10" />
      <path class="bar-line" d={`M${at(threshold)} 8V26`} />
      {runner !== null && <circle class="runner" cx={at(runner)} cy="17" r="4.5" />}
      <svg x={at(score) - 8} y="9" width="16" height="16" viewBox="0 0 20 20">
        <OutcomeIcon of={outcome} />
      </svg>
      <text x={at(threshold)} y="40" text-anchor={at(threshold) > 210 ? "end" : at(threshold) < 90 ? "start" : "middle"}>
        {label ?? t("scale.threshold", { asked: oneIn(threshold) })}
      </text>
    </svg>
  );
}
