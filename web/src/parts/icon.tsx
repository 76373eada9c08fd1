// Icons drawn for this page. Each outcome has a shape of its own, so that no colour is needed.
import type { ComponentChildren } from "preact";

export type Outcome = "match" | "review" | "unknown" | "found" | "none" | "error";

const OUTCOMES: Record<Outcome, ComponentChildren> = {
  match: [<circle class="fill" cx="10" cy="10" r="8.5" />, <path class="cut" d="M6 10.4l2.8 2.8L14 7.6" />],
  review: [<path class="fill" d="M10 1.4 19 17.6H1z" />, <path class="cut" d="M10 7.4v4.6M10 14.4v.6" />],
  unknown: [
    <rect class="fill" x="2.4" y="2.4" width="15.2" height="15.2" rx="2.5" />,
    <path class="cut" d="M6.6 10h6.8" />,
  ],
  found: <path class="fill" d="M10 1 19 10 10 19 1 10z" />,
  none: [<circle class="open" cx="10" cy="10" r="7" />, <path class="open" d="M5 15 15 5" />],
  error: [
    <path class="fill" d="M6.4 1.6h7.2l4.8 4.8v7.2l-4.8 4.8H6.4l-4.8-4.8V6.4z" />,
    <path class="cut" d="M7 7l6 6M13 7l-6 6" />,
  ],
};

const LINES = {
  identify: "M3 6V4.5A1.5 1.5 0 0 1 4.5 3H6M14 3h1.5A1.5 1.5 0 0 1 17 4.5V6M17 14v1.5a1.5 1.5 0 0 1-1.5 1.5H14M6 17H4.5A1.5 1.5 0 0 1 3 15.5V14M7.6 8v.6M12.4 8v.6M7.3 12c1.5 1.3 3.9 1.3 5.4 0",
  people: "M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.5 17c.6-3 3.3-4.6 6.5-4.6s5.9 1.6 6.5 4.6",
  review: "M3.5 10.6l3 3L12 8M9.5 13l.6.6L16.5 7",
  films: "M3 4.5h14v11H3zM6.5 4.5v11M13.5 4.5v11M3 8.2h3.5M3 11.8h3.5M13.5 8.2H17M13.5 11.8H17",
  live: "M3 5.5h9.5v9H3zM12.5 9l4.5-2.5v7L12.5 11",
  analysis: "M2.5 12.5h3l2-7 3.5 10 2.5-6 1 3h3",
  trust: "M10 2.5l6 2.3v4.7c0 3.7-2.5 6.6-6 8-3.5-1.4-6-4.3-6-8V4.8zM7.3 9.8l2 2 3.6-3.7",
  settings: "M3 6h6M13 6h4M11 4v4M3 14h2M9 14h8M7 12v4",
  search: "M8.8 14.6a5.8 5.8 0 1 0 0-11.6 5.8 5.8 0 0 0 0 11.6zM13 13l4 4",
  undo: "M7 4.5 3.5 8 7 11.5M3.5 8h8a4.5 4.5 0 0 1 0 9H8",
  add: "M10 4v12M4 10h12",
  close: "M5 5l10 10M15 5 5 15",
  check: "M4 10.5l4 4L16 6",
  down: "M5 8l5 5 5-5",
  next: "M8 5l5 5-5 5",
  back: "M12 5l-5 5 5 5",
  upload: "M10 13V4M6.5 7.3 10 3.8l3.5 3.5M3.5 13v3.5h13V13",
  download: "M10 4v9M6.5 9.7 10 13.2l3.5-3.5M3.5 13v3.5h13V13",
  camera: "M3 6.5h3l1.3-2h5.4l1.3 2h3V16H3zM10 13.7a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6z",
  erase: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6M8.5 9v5M11.5 9v5",
  merge: "M4 5c4 0 4 5 8 5h4M4 15c4 0 4-5 8-5M13.5 7.5 16 10l-2.5 2.5",
  split: "M16 5c-4 0-4 5-8 5H4M16 15c-4 0-4-5-8-5M13.5 3l2.5 2-2.5 2.5",
  key: "M7 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10.5 10H17v3M14 10v2",
  play: "M6 4l10 6-10 6z",
  pause: "M6.5 4v12M13.5 4v12",
  offline: "M3 8c4-3.5 10-3.5 14 0M5.5 11c2.5-2.2 6.5-2.2 9 0M8 14c1.2-1 2.8-1 4 0M4 17 16 3",
  info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9v4.5M10 6.5v.4",
  pencil: "M4 16l.8-3.5L13 4.3l2.7 2.7-8.2 8.2z",
  hide: "M3 10c2-3.6 4.4-5 7-5s5 1.4 7 5c-2 3.6-4.4 5-7 5s-5-1.4-7-5zM10 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM4 16 16 4",
  command: "M4 6l4 4-4 4M10 14h6",
} as const;

export type Line = keyof typeof LINES;

/** The shape of an outcome. The text beside it says the same, so readers of screens skip it. */
export function OutcomeIcon({ of }: { of: Outcome }) {
  return (
    <svg class={`icon ${of}`} viewBox="0 0 20 20" aria-hidden="true">
      {OUTCOMES[of]}
    </svg>
  );
}

export function Icon({ name }: { name: Line }) {
  return (
    <svg class="line" viewBox="0 0 20 20" aria-hidden="true">
      <path d={LINES[name]} />
    </svg>
  );
}
