// Means of parts of a film, to compare parts and people.
import { clock, number, t } from "../words";
import { deviation, mean } from "./curves";

export interface Segment {
  who: string;
  from: number; // s
  to: number;
  values: Record<string, number[]>; // column -> measured values
}

export function Segments({ segments, columns, onRemove }: { segments: Segment[]; columns: string[]; onRemove: (place: number) => void }) {
  if (!segments.length) return null;
  const [first, second] = segments;
  return (
    <div class="scroll card" tabIndex={0}>
      <table>
        <caption class="read">{t("segments.title")}</caption>
        <thead>
          <tr>
            <th>{t("segments.title")}</th>
            {segments.map((one, place) => (
              <th key={place} class="n">
                {one.who} {clock(one.from)} – {clock(one.to)}{" "}
                <button class="button tight bare" aria-label={t("segments.remove", { n: place + 1 })} onClick={() => onRemove(place)}>
                  ×
                </button>
              </th>
            ))}
            {second && <th class="n">{t("segments.difference")}</th>}
          </tr>
        </thead>
        <tbody>
          {columns.map((name) => (
            <tr key={name}>
              <th>{name}</th>
              {segments.map((one, place) => (
                <td key={place} class="n">
                  {said(one.values[name] ?? [])}
                </td>
              ))}
              {first && second && <td class="n">{gap(first.values[name] ?? [], second.values[name] ?? [])}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const said = (values: number[]) => (values.length > 1 ? t("segments.mean", { mean: number(mean(values), 2), sd: number(deviation(values), 2), n: values.length }) : "–");

function gap(a: number[], b: number[]): string {
  return a.length > 1 && b.length > 1 ? number(mean(b) - mean(a), 2) : "–";
}
