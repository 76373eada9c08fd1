import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { searchPeople } from "../api/calls";
import { api, body } from "../api/client";
import { allowed, galleries, gallery, leave } from "../api/session";
import { SCREENS } from "../app";
import { fail, go, paletteOpen, theme } from "../state";
import { t } from "../words";
import { Icon, type Line } from "./icon";
import { useLoad } from "./states";

interface Item {
  label: string;
  kind: string;
  icon: Line;
  run: () => void;
}

/** Anybody and anything by name: Ctrl K. */
export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [people, setPeople] = useState<Item[]>([]);
  const [at, setAt] = useState(0);
  const open = paletteOpen.value;
  // Before the next key: what is typed right after Ctrl K belongs to the palette.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
    setText("");
    setAt(0);
  }, [open]);
  useEffect(() => {
    if (!open || !text || !allowed("people")) return setPeople([]);
    let latest = true;
    const timer = setTimeout(() => {
      searchPeople(gallery.value, text).then(
        (found) => latest && setPeople(found.map((one) => ({ label: one.name, kind: t("palette.person"), icon: "people", run: () => go("people", one.id) }))),
        fail,
      );
    }, 120);
    return () => {
      latest = false;
      clearTimeout(timer);
    };
  }, [text, open, gallery.value]);
  const [films] = useLoad(async () => (open && allowed("films") ? (await body(api.GET("/v1/films", { params: { query: { limit: 200 } } }))).items : []), [open]);
  const found: Item[] = (text && films.state === "done" ? films.value : []).map((one) => ({
    label: one.name,
    kind: t("palette.film"),
    icon: "films",
    run: () => go("films", one.id),
  }));
  const places: Item[] = galleries.value.map((one) => ({
    label: one.name,
    kind: t("palette.gallery"),
    icon: "people",
    run: () => (gallery.value = one.name),
  }));
  const screens: Item[] = SCREENS.filter(allowed).map((one) => ({
    label: t(`nav.${one}`),
    kind: t("palette.screen"),
    icon: one,
    run: () => go(one),
  }));
  const actions: Item[] = [
    { label: t("theme.switch"), kind: t("palette.action"), icon: "settings", run: () => (theme.value = theme.value === "dark" ? "light" : "dark") },
    { label: t("sign.out"), kind: t("palette.action"), icon: "key", run: () => void leave() },
  ];
  const wanted = text.toLocaleLowerCase();
  const items = [...people, ...[...screens, ...found, ...(text ? places : []), ...actions].filter((one) => one.label.toLocaleLowerCase().includes(wanted))];
  const run = (item: Item | undefined) => {
    if (!item) return;
    paletteOpen.value = false;
    item.run();
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((at + step + items.length) % Math.max(1, items.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(items[at]);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label={t("palette.open")}
      onClose={() => (paletteOpen.value = false)}
      onClick={(event) => event.target === dialog.current && (paletteOpen.value = false)}
    >
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-items"
        aria-activedescendant={items[at] ? `palette-${at}` : undefined}
        aria-label={t("palette.hint")}
        placeholder={t("palette.hint")}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={press}
      />
      <ul id="palette-items" role="listbox" aria-label={t("palette.open")}>
        {items.map((item, number) => (
          <li key={`${item.kind}${item.label}${number}`} id={`palette-${number}`} role="option" aria-selected={number === at} onClick={() => run(item)}>
            <Icon name={item.icon} /> {item.label} <small>{item.kind}</small>
          </li>
        ))}
      </ul>
    </dialog>
  );
}
