import { messageOf } from "../api/client";
import { useState } from "preact/hooks";
import { enter } from "../api/session";
import { Icon } from "../parts/icon";
import { t } from "../words";

export function Login() {
  const [key, setKey] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    try {
      await enter(key.trim());
    } catch (error) {
      setWrong(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="page login">
      <form class="card cards" onSubmit={(event) => void submit(event)}>
        <img src="/icon.svg" alt="" width={48} height={48} />
        <h1>mien</h1>
        <p class="soft">{t("login.lead")}</p>
        <label class="field">
          {t("login.key")}
          <input type="password" autoComplete="current-password" required autoFocus value={key} onInput={(event) => setKey(event.currentTarget.value)} />
        </label>
        {wrong && (
          <p class="notice error" role="alert">
            {wrong}
          </p>
        )}
        <button class="button first" disabled={busy || !key.trim()}>
          <Icon name="key" /> {t("login.enter")}
        </button>
        <p class="small soft">{t("login.where")}</p>
      </form>
    </main>
  );
}
