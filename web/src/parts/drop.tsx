import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../words";
import { Icon, type Line } from "./icon";

interface Props {
  accept: string;
  icon: Line;
  title: string;
  text: string;
  small?: boolean; // beside other content
  onFiles: (files: File[]) => void;
  children?: ComponentChildren;
}

/** A place to drop, paste or choose files; folders are opened. */
export function Drop({ accept, icon, title, text, small, onFiles, children }: Props) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) onFiles(files);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  });
  return (
    <div
      class={`drop ${small ? "small" : ""} ${over ? "over-it" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void dropped(event.dataTransfer).then((files) => files.length && onFiles(files));
      }}
    >
      <Icon name={icon} />
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      <div class="actions">
        <button class="button first" onClick={() => input.current?.click()}>
          <Icon name="upload" /> {t("drop.choose")}
        </button>
        {children}
      </div>
      <input
        ref={input}
        type="file"
        accept={accept}
        multiple
        hidden
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length) onFiles(files);
        }}
      />
    </div>
  );
}

async function dropped(data: DataTransfer | null): Promise<File[]> {
  const entries = [...(data?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return [...(data?.files ?? [])];
  const found = await Promise.all(entries.map((entry) => (entry ? inside(entry) : [])));
  return found.flat();
}

async function inside(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (!part.length) return files;
    files.push(...(await Promise.all(part.map(inside))).flat());
  }
}
