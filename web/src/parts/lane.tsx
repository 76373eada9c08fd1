import { clock, t } from "../words";

interface Props {
  label: string;
  picture: string;
  outcome: string;
  spans: [number, number][]; // s
  cuts: number[]; // s
  seconds: number;
  time: number;
  onSeek: (time: number) => void;
}

/** When one person is on screen. A click jumps there; arrow keys move by one appearance. */
export function Lane({ label, picture, outcome, spans, cuts, seconds, time, onSeek }: Props) {
  const key = (event: KeyboardEvent) => {
    const next = event.key === "ArrowRight" ? spans.find(([start]) => start > time + 0.05) : event.key === "ArrowLeft" ? spans.findLast(([start]) => start < time - 0.05) : undefined;
    if (next) {
      event.preventDefault();
      onSeek(next[0]);
    }
  };
  return (
    <div class="lane">
      <button class="name" onClick={() => spans[0] && onSeek(spans[0][0])}>
        <img class="face" src={picture} alt="" loading="lazy" />
        <span>{label}</span>
      </button>
      <svg
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
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          onSeek(((event.clientX - box.left) / box.width) * seconds);
        }}
      >
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
