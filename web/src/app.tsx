import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { allowed, gallery, resume, session } from "./api/session";
import { Icon, type Line } from "./parts/icon";
import { Palette } from "./parts/palette";
import { Strictness } from "./parts/strictness";
import { Toasts, UndoButton } from "./parts/toasts";
import { GalleryChoice } from "./parts/gallery_choice";
import { waiting } from "./screens/review_queue";
import { Working } from "./parts/states";
import { Analysis } from "./screens/analysis";
import { Films } from "./screens/films";
import { Identify } from "./screens/identify";
import { Live } from "./screens/live";
import { Login } from "./screens/login";
import { People } from "./screens/people";
import { Review } from "./screens/review";
import { Settings } from "./screens/settings";
import { Trust } from "./screens/trust";
import { online, paletteOpen, screen, strictness, undo } from "./state";
import { moment, t } from "./words";

export const SCREENS = ["identify", "people", "review", "films", "live", "analysis", "trust", "settings"] as const;
export type Screen = (typeof SCREENS)[number] & Line;

const PAGES: Record<Screen, () => JSX.Element> = {
  identify: Identify,
  people: People,
  review: Review,
  films: Films,
  live: Live,
  analysis: Analysis,
  trust: Trust,
  settings: Settings,
};

export function App() {
  useEffect(() => void resume(), []);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        paletteOpen.value = !paletteOpen.value;
      } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !writing(event)) {
        event.preventDefault();
        void undo();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  if (session.value === undefined) return <main class="page"><Working label={t("loading")} /></main>;
  if (session.value === null) return <Login />;
  const current: Screen = SCREENS.find((one) => one === screen.value) ?? "identify";
  const Page = PAGES[current];
  return (
    <div class="frame">
      <Rail current={current} />
      <div>
        <header class="bar">
          <GalleryChoice />
          <Strictness />
          <span class="grow" />
          <button class="button bare" onClick={() => (paletteOpen.value = true)}>
            <Icon name="search" /> <span class="read">{t("palette.open")}</span> <kbd class="wide-only">Ctrl K</kbd>
          </button>
          {!online.value && (
            <span class="narrow-only" role="status">
              <Icon name="offline" /> <span class="read">{t("offline")}</span>
            </span>
          )}
          <UndoButton />
        </header>
        <main class="page" id="main" key={current}>
          <p class="print-only small soft">
            mien · {t("print.head", { gallery: gallery.value, when: moment(new Date().toISOString()), who: session.value.name })} · {t("strict.sentence", { n: strictness.value })}
          </p>
          <Page />
        </main>
      </div>
      <Palette />
      <Toasts />
    </div>
  );
}

function Rail({ current }: { current: Screen }) {
  return (
    <div class="rail">
      <a class="brand" href="#/identify">
        <img src="/icon.svg" alt="" /> mien
      </a>
      <nav aria-label={t("nav.label")}>
        {SCREENS.filter(allowed).map((one) => (
          <a key={one} href={`#/${one}`} aria-current={one === current ? "page" : undefined}>
            <Icon name={one} /> {t(`nav.${one}`)}
            {one === "review" && waiting.value > 0 && (
              <span class="count" aria-label={t("nav.waiting", { n: waiting.value })}>
                {waiting.value}
              </span>
            )}
          </a>
        ))}
      </nav>
      <div class="below">
        {!online.value && (
          <span class="chips">
            <Icon name="offline" /> {t("offline")}
          </span>
        )}
        <span>{t("signed.in", { name: session.value?.name ?? "" })}</span>
      </div>
    </div>
  );
}

/** Whether a key press belongs to a field. */
export function writing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return target.matches("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]");
}
