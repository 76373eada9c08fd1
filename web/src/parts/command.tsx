import { gallery, stated } from "../api/session";
import { fail, say, strictness } from "../state";
import { t } from "../words";
import { Icon } from "./icon";
import { printing } from "./print";
import { quoted } from "./shell";

/** The command that gives the same answer. */
export function Command({ line }: { line: string }) {
  const copy = () => void navigator.clipboard.writeText(line).then(() => say(t("command.copied")), fail);
  return (
    <details class="reproduce" open={printing.value || undefined}>
      <summary>
        <Icon name="command" /> {t("identify.command")}
      </summary>
      <code class="command">{line}</code>
      {navigator.clipboard && (
        <button class="button tight bare" onClick={copy}>
          {t("command.copy")}
        </button>
      )}
    </details>
  );
}

/** Options of a search: the gallery, the rate 1 in `asked`, and the purpose that a governed gallery needs. */
export function searching(name = gallery.value, asked: number = strictness.value): string {
  const { purpose } = stated();
  return `--gallery ${name}.mien --fpir ${1 / asked}${purpose ? ` --purpose ${quoted(purpose)}` : ""}`;
}
