import { useRef, useState } from "preact/hooks";
import { clock, t } from "../words";
import type { Hover } from "./hover_frame";

interface Props {
  label: string;
  picture: string;
  outcome: string;
  spans: [number, number][]; // s
  cuts: number[]; // s
  seconds: number;
  time: number;
  clip: [number, number] | null; // s
  onSeek: (time: number) => void;
  onClip: (clip: [number, number]) => void;
  onHover: (at: Hover | null) => void;
}

/**
 * When one person is on screen. A click jumps there, a drag makes a clip; arrow keys move by one
 * appearance, and Enter makes a clip of the appearance at the cursor.
 */
export function Lane({ label, picture, outcome, spans, cuts, seconds, time, clip, onSeek, onClip, onHover }: Props) {
  const svg = useRef<SVGSVGElement>(null);
  const [from, setFrom] = useState<number | null>(null);
  const at = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect();
    return box ? Math.min(seconds, Math.max(0, ((event.clientX - box.left) / box.width) * seconds)) : 0;
  };
  const key = (event: KeyboardEvent) => {
    const next = event.key === "ArrowRight" ? spans.find(([start]) => start > time + 0.05) : event.key === "ArrowLeft" ? spans.findLast(([start]) => start < time - 0.05) : undefined;
    if (next) {
      event.preventDefault();
      onSeek(next[0]);
    }
    const here = spans.find(([start, end]) => start <= time + 0.05 && time <= end);
    if (event.key === "Enter" && here) onClip(here);
  };
  return (
    <div class="lane">
      <button class="name" onClick={() => spans[0] && onSeek(spans[0][0])}>
        <img class="face" src={picture} alt="" loading="lazy" />
        <span>{label}</span>
      </button>
      <svg
        ref={svg}
        viewBox={`0 0 ${seconds} 10`}
        preserveAspectRatio="none"
        role="slider"
        tabIndex={0}
        aria-label={t("lane.says", { name: label, n: spans.length })}
        aria-valuemin={0}
        aria-valuemax={Math.round(seconds)}
        aria-valuenow={Math.round(time)}
        aria-valuetext={clock(time)}
        onKeyDown={key}
        style={{ touchAction: "pan-y" }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setFrom(at(event));
        }}
        onPointerMove={(event) => {
          const here = at(event);
          if (event.pointerType === "mouse") onHover({ time: here, x: event.clientX - (event.currentTarget.closest(".lanes")?.getBoundingClientRect().left ?? 0) });
          if (from !== null && Math.abs(here - from) > seconds / 100) onClip([Math.min(from, here), Math.max(from, here)]);
        }}
        onPointerLeave={() => onHover(null)}
        onPointerUp={(event) => {
          const here = at(event);
          if (from !== null && Math.abs(here - from) <= seconds / 100) onSeek(here);
          setFrom(null);
        }}
      >
        {clip && <rect class="clip" x={clip[0]} y="0" width={clip[1] - clip[0]} height="10" />}
        {cuts.map((cut) => (
          <path key={cut} d={`M${cut} 0V10`} class="cut-line" />
        ))}
        {spans.map(([start, end]) => (
          <rect key={start} class={`span ${outcome}`} x={start} y="2" width={Math.max(end - start, seconds / 400)} height="6">
            <title>
              {label} {clock(start)} – {clock(end)}
            </title>
          </rect>
        ))}
        <path class="cursor" d={`M${time} 0V10`} />
      </svg>
    </div>
  );
}
