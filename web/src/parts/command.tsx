import { t } from "../words";
import { Icon } from "./icon";

/** The command that gives the same answer. */
export function Command({ line }: { line: string }) {
  return (
    <details>
      <summary>
        <Icon name="command" /> {t("identify.command")}
      </summary>
      <code class="command">{line}</code>
    </details>
  );
}
