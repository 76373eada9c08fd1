import { hush, messages, undo, undoable } from "../state";
import { t } from "../words";
import { Icon } from "./icon";

/** Messages about what was done. Screen readers hear them; those that can be undone say so. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {messages.value.map((one) => (
        <div key={one.id} class={`toast ${one.tone}`}>
          <span>{one.text}</span>
          {one.undo && (
            <button
              onClick={() => {
                hush(one.id);
                void one.undo?.();
              }}
            >
              {t("undo")}
            </button>
          )}
          <button aria-label={t("close")} onClick={() => hush(one.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

export function UndoButton() {
  const step = undoable.value.at(-1);
  return (
    <button
      class="button bare square"
      disabled={!step}
      title={step ? t("undo.this", { what: step.label }) : t("undo.nothing")}
      aria-label={t("undo")}
      onClick={() => void undo()}
    >
      <Icon name="undo" />
    </button>
  );
}
