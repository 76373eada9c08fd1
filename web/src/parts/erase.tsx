import { useState } from "preact/hooks";
import { api, body } from "../api/client";
import { gallery } from "../api/session";
import type { Person } from "../api/types";
import { fail, go } from "../state";
import { t } from "../words";
import { Ask } from "./ask";
import { save } from "./exports";
import { Icon } from "./icon";

/** The one dialog of the page: an erasure, which cannot be undone, and its receipt. */
export function Erase({ person, onClose }: { person: Person; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [receipt, setReceipt] = useState<{ templates: number; remains: string[]; receipt: Record<string, unknown> } | null>(null);
  const erase = async () => {
    try {
      const done = await body(api.DELETE("/v1/galleries/{gallery}/people/{person}", { params: { path: { gallery: gallery.value, person: person.id } } }));
      setReceipt(done);
    } catch (error) {
      fail(error);
    }
  };
  return (
    <Ask title={receipt ? t("erase.done") : t("erase.title", { name: person.name })} onClose={() => (receipt ? go("people") : onClose())}>
      {receipt ? (
        <>
          <p>{t("erase.counts", { n: receipt.templates })}</p>
          {receipt.remains.length > 0 && <p class="notice">{t("erase.remains", { where: receipt.remains.join(", ") })}</p>}
          <div class="actions">
            <button class="button" onClick={() => save("receipt.json", "application/json", JSON.stringify(receipt.receipt, null, 1))}>
              <Icon name="download" /> {t("erase.receipt")}
            </button>
            <button class="button first" onClick={() => go("people")}>
              {t("close")}
            </button>
          </div>
        </>
      ) : (
        <>
          <p>{t("erase.text")}</p>
          <label class="field">
            {t("erase.type", { name: person.name })}
            <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
          <div class="actions">
            <button class="button danger" disabled={typed.trim() !== person.name} onClick={() => void erase()}>
              <Icon name="erase" /> {t("people.erase")}
            </button>
            <button class="button bare" onClick={onClose}>
              {t("cancel")}
            </button>
          </div>
        </>
      )}
    </Ask>
  );
}

