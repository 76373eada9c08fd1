import { useState } from "preact/hooks";
import { api, body } from "../api/client";
import { galleries, gallery, leave, may, reloadGalleries, session } from "../api/session";
import { Icon } from "../parts/icon";
import { Sure } from "../parts/sure";
import { Show, useLoad } from "../parts/states";
import { fail, say, theme, type Theme } from "../state";
import { language, languages, moment, number, speak, t } from "../words";

const SCOPES = ["identify", "enrol", "review", "scores", "export", "admin"] as const;
type Scope = (typeof SCOPES)[number];

export function Settings() {
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("settings.title")}</h1>
          <p>{t("signed.in", { name: session.value?.name ?? "" })}</p>
        </div>
        <div class="actions">
          <button class="button" onClick={() => void leave()}>
            <Icon name="key" /> {t("sign.out")}
          </button>
        </div>
      </div>
      <div class="sections">
        <Look />
        <Galleries />
        {may("admin") && <Keys />}
        <Server />
      </div>
    </>
  );
}

function Look() {
  return (
    <section class="cards screen-only">
      <h2>{t("settings.look")}</h2>
      <div class="chips" role="group" aria-label={t("settings.theme")}>
        {(["auto", "light", "dark"] as Theme[]).map((one) => (
          <button key={one} class="chip" aria-pressed={theme.value === one} onClick={() => (theme.value = one)}>
            {t(`theme.${one}` as "theme.auto")}
          </button>
        ))}
      </div>
      <label class="field" style={{ maxWidth: "16rem" }}>
        {t("settings.language")}
        <select value={language.value} onChange={(event) => void speak(event.currentTarget.value)}>
          {languages.map((code) => (
            <option key={code} value={code}>
              {new Intl.DisplayNames([code], { type: "language" }).of(code)}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}

function Galleries() {
  const [name, setName] = useState("");
  const [term, setTerm] = useState(365);
  const make = () =>
    void api.POST("/v1/galleries", { body: { name } }).then(async () => {
      setName("");
      await reloadGalleries();
      gallery.value = name;
      say(t("settings.made", { name }));
    }, fail);
  const govern = (which: string) =>
    void api.PUT("/v1/galleries/{gallery}/rules", { params: { path: { gallery: which } }, body: { term } }).then(async () => {
      await reloadGalleries();
      say(t("settings.governed", { name: which }));
    }, fail);
  return (
    <section class="cards">
      <h2>{t("settings.galleries")}</h2>
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>{t("settings.gallery")}</th>
              <th>{t("settings.kind")}</th>
              <th class="n">{t("settings.people")}</th>
              <th class="n">{t("settings.templates")}</th>
              <th>{t("settings.encrypted")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {galleries.value.map((one) => (
              <tr key={one.name}>
                <th>{one.name}</th>
                <td>{one.kind === "governed" ? t("settings.kind.governed", { n: one.term ?? 0 }) : t("settings.kind.personal")}</td>
                <td class="n">{number(one.people)}</td>
                <td class="n">{number(one.templates)}</td>
                <td>{one.encrypted ? t("yes") : t("no")}</td>
                <td>
                  {may("admin") && one.kind === "personal" && (
                    <details>
                      <summary>{t("settings.govern")}</summary>
                      <p class="small soft">{t("settings.govern.text")}</p>
                      <label class="field">
                        {t("settings.term")}
                        <input type="number" min={1} max={36500} value={term} onInput={(event) => setTerm(Number(event.currentTarget.value))} />
                      </label>
                      <button class="button tight" onClick={() => govern(one.name)}>
                        {t("settings.govern")}
                      </button>
                    </details>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {may("admin") && (
        <form
          class="actions"
          onSubmit={(event) => {
            event.preventDefault();
            make();
          }}
        >
          <input class="entry" style={{ width: "14rem" }} required pattern="[a-z0-9][a-z0-9_\-]*" maxLength={64} aria-label={t("settings.newname")} placeholder={t("settings.newname")} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          <button class="button" disabled={!name}>
            <Icon name="add" /> {t("settings.make")}
          </button>
        </form>
      )}
    </section>
  );
}

function Keys() {
  const [found, again] = useLoad(() => body(api.GET("/v1/keys")), []);
  const [fresh, setFresh] = useState<string | null>(null);
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["identify"]);
  const [days, setDays] = useState(90);
  const show = (task: Promise<{ key: string }>) =>
    void task.then((made) => {
      setFresh(made.key);
      setName("");
      again();
    }, fail);
  return (
    <section class="cards">
      <h2>{t("keys.title")}</h2>
      <p class="soft">{t("keys.text")}</p>
      {fresh && (
        <div class="notice quiet">
          <Icon name="key" />
          <span>
            {t("keys.once")}
            <br />
            <code class="command">{fresh}</code>
          </span>
          <button class="button tight" onClick={() => void navigator.clipboard.writeText(fresh).then(() => say(t("copied")), fail)}>
            {t("copy")}
          </button>
        </div>
      )}
      <Show of={found} again={again}>
        {(rows) => (
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th>{t("keys.holder")}</th>
                  <th>{t("keys.scopes")}</th>
                  <th>{t("keys.expires")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {rows.map((one) => (
                  <tr key={one.id} class={one.revoked ? "soft" : ""}>
                    <th>{one.name}</th>
                    <td>{one.scopes.map((scope) => t(`scope.${scope as Scope}`)).join(", ")}</td>
                    <td>{one.revoked ? t("keys.revoked", { when: moment(one.revoked) }) : one.expires ? moment(one.expires) : t("keys.never")}</td>
                    <td class="n">
                      {!one.revoked && (
                        <span class="actions">
                          <button class="button tight" onClick={() => show(body(api.POST("/v1/keys/{key}/rotate", { params: { path: { key: one.id } } })))}>
                            {t("keys.rotate")}
                          </button>
                          <Sure class="tight" onSure={() => void api.DELETE("/v1/keys/{key}", { params: { path: { key: one.id } } }).then(again, fail)}>
                            {t("keys.revoke")}
                          </Sure>
                        </span>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
      <form
        class="card cards screen-only"
        onSubmit={(event) => {
          event.preventDefault();
          show(body(api.POST("/v1/keys", { body: { name, scopes, days } as never })));
        }}
      >
        <h3>{t("keys.new")}</h3>
        <label class="field" style={{ maxWidth: "22rem" }}>
          {t("keys.holder")}
          <input required maxLength={100} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <fieldset class="chips" style={{ border: 0, padding: 0, margin: 0 }}>
          <legend class="small soft">{t("keys.scopes")}</legend>
          {SCOPES.map((scope) => (
            <label key={scope} class="check">
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={() => setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope])}
              />
              {t(`scope.${scope}`)}
            </label>
          ))}
        </fieldset>
        <label class="field" style={{ maxWidth: "10rem" }}>
          {t("keys.days")}
          <input type="number" min={1} max={36500} value={days} onInput={(event) => setDays(Number(event.currentTarget.value))} />
        </label>
        <div>
          <button class="button" disabled={!name.trim() || !scopes.length}>
            <Icon name="key" /> {t("keys.make")}
          </button>
        </div>
      </form>
    </section>
  );
}

function Server() {
  const [found, again] = useLoad(() => body(api.GET("/v1/settings")), []);
  return (
    <section class="cards">
      <h2>{t("server.title")}</h2>
      <Show of={found} again={again}>
        {(value) => (
          <div class="scroll" tabIndex={0}>
            <table>
              <tbody>
                {[
                  [t("server.version"), value.version],
                  [t("server.detector"), value.detector],
                  [t("server.embedder"), value.embedder],
                  [t("server.device"), value.device],
                  [t("server.portraits"), value.portraits ? t("yes") : t("no")],
                  [t("server.tenant"), value.tenant],
                ].map(([label, what]) => (
                  <tr key={label}>
                    <th>{label}</th>
                    <td>{what}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
    </section>
  );
}
