// Forms that ask before something is stored: a name, a legal basis, an erasure.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { searchPeople } from "../api/calls";
import { gallery, governed, purpose } from "../api/session";
import type { NewBasis, Person } from "../api/types";
import { t } from "../words";

/** A dialog for what cannot be undone. */
export function Ask(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label={props.title} onClose={props.onClose}>
      <div class="cards">
        <h2>{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}

interface NameProps {
  label: string;
  action: string;
  busy?: boolean;
  onName: (name: string, basis?: NewBasis) => void;
  basis?: boolean; // false: the person has a legal basis already
  focus?: boolean; // the name can be typed at once
}

/** A field for a name that proposes known people, and asks for a basis where the gallery does. */
export function NameForm({ label, action, busy, onName, basis = true, focus = false }: NameProps) {
  const field = useRef<HTMLInputElement>(null);
  // Before the next key, which belongs to the name.
  useLayoutEffect(() => {
    if (focus) field.current?.focus();
  }, []);
  const [name, setName] = useState("");
  const [known, setKnown] = useState<Person[]>([]);
  const [given, setGiven] = useState<NewBasis | null>(null);
  const asks = basis && governed.value && !known.some((one) => one.name === name);
  useEffect(() => {
    if (!name) return setKnown([]);
    const timer = setTimeout(() => {
      searchPeople(gallery.value, name).then(setKnown, () => setKnown([]));
    }, 120);
    return () => clearTimeout(timer);
  }, [name]);
  return (
    <form
      class="cards"
      onSubmit={(event) => {
        event.preventDefault();
        onName(name.trim(), asks && given ? given : undefined);
      }}
    >
      <label class="field">
        {label}
        <input ref={field} list="known-people" required maxLength={200} autoComplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <datalist id="known-people">
        {known.map((one) => (
          <option key={one.id} value={one.name} />
        ))}
      </datalist>
      {asks && <BasisFields onBasis={setGiven} />}
      <button class="button first" disabled={busy || !name.trim() || (asks && !given)}>
        {action}
      </button>
    </form>
  );
}

/** The legal basis of a new person: what was shown, for which purpose, and the proof. */
export function BasisFields({ onBasis }: { onBasis: (basis: NewBasis | null) => void }) {
  const [text, setText] = useState("");
  const [proof, setProof] = useState("");
  const [aim, setAim] = useState(purpose.value);
  useEffect(() => {
    const ready = aim && text && proof;
    onBasis(ready ? { purpose: aim, version: "1", text, ground: "consent", evidence_digest: proof } : null);
  }, [text, proof, aim]);
  return (
    <fieldset class="card cards" style={{ margin: 0 }}>
      <legend class="small">{t("basis.title")}</legend>
      <label class="field">
        {t("basis.purpose")}
        <input value={aim} pattern="[a-z0-9-]+" onInput={(event) => setAim(event.currentTarget.value)} />
      </label>
      <label class="field">
        {t("basis.text")}
        <textarea value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <label class="field">
        {t("basis.proof")}
        <input
          type="file"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void digest(file).then(setProof);
          }}
        />
      </label>
      <p class="small soft">{proof ? t("basis.digest", { digest: proof.slice(0, 16) }) : t("basis.stays")}</p>
    </fieldset>
  );
}

/** Return the SHA-256 of a file; the file stays on this computer. */
async function digest(file: File): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
