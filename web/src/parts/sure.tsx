import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../words";

/** A button for what cannot be undone: the first press asks, the second one does it. */
export function Sure({ class: look = "", onSure, children }: { class?: string; onSure: () => void; children: ComponentChildren }) {
  const [armed, setArmed] = useState(false);
  useEffect(() => {
    if (!armed) return;
    const timer = setTimeout(() => setArmed(false), 4000);
    return () => clearTimeout(timer);
  }, [armed]);
  const press = () => {
    if (armed) onSure();
    setArmed(!armed);
  };
  return (
    <button class={`button danger ${look}`} onClick={press} onBlur={() => setArmed(false)}>
      {armed ? t("sure") : children}
    </button>
  );
}
