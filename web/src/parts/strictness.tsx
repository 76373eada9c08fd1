import { useEffect, useRef, useState } from "preact/hooks";
import { costOf, livenessHead } from "../api/calls";
import { gallery } from "../api/session";
import { liveness, REAL, STRICTNESS, strictness } from "../state";
import { bare, number, percent, t } from "../words";
import { Command } from "./command";
import { Icon } from "./icon";
import { curl } from "./shell";
import { useLoad } from "./states";

/** How strict searches are, as a sentence; what it costs in misses stands beside it. */
export function Strictness() {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !place.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", away);
    };
  }, []);
  const index = Math.max(0, STRICTNESS.findIndex((one) => one === strictness.value));
  return (
    <div class="over" ref={place}>
      <button class="button tight" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="wide-only">{t("strict.sentence", { n: strictness.value })}</span>
        <span class="narrow-only">1 : {number(strictness.value)}</span> <Icon name="down" />
      </button>
      {open && (
        <div class="popover" role="dialog" aria-label={t("strict.title")}>
          <p>{t("strict.sentence", { n: strictness.value })}.</p>
          <input
            type="range"
            min={0}
            max={STRICTNESS.length - 1}
            value={index}
            aria-label={t("strict.title")}
            aria-valuetext={t("strict.sentence", { n: strictness.value })}
            onInput={(event) => (strictness.value = STRICTNESS[Number(event.currentTarget.value)] ?? 100)}
          />
          <div class="chips small soft">
            <span>{t("strict.loose")}</span>
            <span style={{ marginLeft: "auto" }}>{t("strict.tight")}</span>
          </div>
          <Misses />
          <Liveness />
        </div>
      )}
    </div>
  );
}

/** Whether a photo of a face may pass for the face. */
function Liveness() {
  const [head] = useLoad(livenessHead, []);
  const name = head.state === "done" ? head.value : null;
  return (
    <fieldset class="cards" style={{ border: 0, padding: 0, margin: 0 }}>
      <legend>{t("real.title")}</legend>
      <div class="chips">
        {REAL.map((one) => (
          <button key={one} class="chip" disabled={one !== "off" && !name} aria-pressed={liveness.value === one} onClick={() => (liveness.value = one)}>
            {t(`real.${one}`)}
          </button>
        ))}
      </div>
      <p class="small soft">{name ? t("real.limits", { head: name }) : t("real.none")}</p>
    </fieldset>
  );
}

function Misses() {
  const [found] = useLoad(() => costOf(gallery.value, 1 / strictness.value), [gallery.value, strictness.value]);
  if (found.state !== "done" || found.value.cost.misses == null) return <p class="small soft">{t("strict.unknown")}</p>;
  const { cost, on } = found.value;
  return (
    <>
      <p class="small soft">
        {t("strict.misses", {
          n: Math.round(100 * (cost.misses ?? 0)),
          low: percent(cost.misses_low ?? 0),
          high: percent(cost.misses_high ?? 0),
          on: bare(on ?? ""),
        })}
      </p>
      <Command line={curl(`/v1/galleries/${gallery.value}/rates?rate=${1 / strictness.value}`)} />
    </>
  );
}
