import type { ComponentChildren } from "preact";
import type { FaceRow } from "../api/types";
import { coded, number, percent, t } from "../words";
import { type Outcome, OutcomeIcon } from "./icon";
import { type Box, Cut, nameOf, outcomeOf } from "./photo";
import { Scale } from "./scale";

interface Props {
  face: FaceRow;
  asked: number; // a stranger gets a name in 1 of so many searches
  source: Blob;
  size: [number, number];
  chosen: boolean;
  onChoose: () => void;
  children?: ComponentChildren;
}

/** What is known about one face: a sentence first, then the scale, numbers on demand. */
export function FaceCard({ face, asked, source, size, chosen, onChoose, children }: Props) {
  const decision = face.decision;
  const outcome = outcomeOf(face);
  const runner = decision?.candidates?.[1]?.score ?? null;
  return (
    <article class={`card who ${chosen ? "chosen" : ""}`} tabIndex={0} onClick={onChoose} onFocus={onChoose}>
      <div class="top">
        <Cut source={source} size={size} box={face.box as Box} label={nameOf(face)} />
        <div>
          <h3>{outcome === "unknown" ? t("face.unknown") : nameOf(face)}</h3>
          <span class={`badge ${outcome}`}>
            <OutcomeIcon of={outcome} /> {t(`outcome.${outcome}`)}
          </span>
        </div>
      </div>
      {decision && <p class="sentence">{sentence(face)}</p>}
      {decision?.score != null && decision.threshold != null && (
        <Scale outcome={outcome} score={decision.score} threshold={decision.threshold} label={t("scale.search", { n: asked })} runner={runner} />
      )}
      {face.liveness && (
        <p class="small">
          <OutcomeIcon of={REAL_ICONS[face.liveness.outcome] ?? "none"} /> {t(`live.is.${face.liveness.outcome}`)} <span class="soft">({face.liveness.model.split("@")[0]})</span>
        </p>
      )}
      {face.occluded.length > 0 && <p class="small soft">{t("face.covered")}</p>}
      {face.quality && face.quality.advice.length > 0 && (
        <p class="small soft">{face.quality.advice.map((one) => coded("advice", one) ?? one).join(" ")}</p>
      )}
      {decision && (
        <details>
          <summary>{t("face.numbers")}</summary>
          <dl>
            {decision.probability != null && (
              <>
                <dt>{t("face.probability", { name: decision.candidates?.[0]?.person ?? decision.person ?? t("face.best") })}</dt>
                <dd>{percent(decision.probability)}</dd>
              </>
            )}
            {facts(decision).map(([label, value]) => (
              <>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </>
            ))}
          </dl>
          <p class="small soft">{decision.reason}</p>
        </details>
      )}
      {children}
    </article>
  );
}

const REAL_ICONS: Record<string, Outcome> = { live: "match", attack: "error", "no-response": "none" };

type Decision = NonNullable<FaceRow["decision"]>;

function facts(decision: Decision): [string, string][] {
  const rows: [string, number | null | undefined][] = [
    [t("face.score"), decision.score],
    [t("face.threshold"), decision.threshold],
    [t("face.margin"), decision.margin],
    [t("face.similarity"), decision.similarity],
  ];
  return rows.flatMap(([label, value]) => (value == null ? [] : [[label, number(value, 3)] as [string, string]]));
}

/** The decision in words: how often a stranger would look like this. */
export function sentence(face: FaceRow): string {
  const decision = face.decision;
  if (!decision) return "";
  const rare = decision.one_in ?? null;
  const values = { rare: rare === null ? "" : number(rare), name: decision.candidates?.[0]?.person ?? "" };
  if (decision.code === "liveness-attack") return t("sentence.attack", values);
  if (decision.code === "liveness-no-response") return t("sentence.unchecked", values);
  if (rare === null) return coded("sentence.plain", decision.outcome) ?? decision.reason;
  if (decision.outcome === "match") return t("sentence.match", values);
  if (decision.outcome === "review") return t("sentence.review", values);
  return t(rare > 1 ? "sentence.unknown" : "sentence.nobody", values);
}
