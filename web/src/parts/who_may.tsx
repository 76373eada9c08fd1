// Who may do what: the keys of this tenant and their scopes.
import { api, body } from "../api/client";
import { moment, t } from "../words";
import { Command } from "./command";
import { Icon } from "./icon";
import { curl } from "./shell";
import { Show, useLoad } from "./states";

const SCOPES = ["identify", "enrol", "review", "scores", "export", "admin"] as const;

export function WhoMay() {
  const [found, again] = useLoad(() => body(api.GET("/v1/keys")), []);
  return (
    <section class="cards">
      <h2>{t("may.title")}</h2>
      <p class="soft">{t("may.text")}</p>
      <Show of={found} again={again}>
        {(keys) => (
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th>{t("keys.holder")}</th>
                  {SCOPES.map((one) => (
                    <th key={one}>{t(`scope.${one}`)}</th>
                  ))}
                  <th>{t("keys.expires")}</th>
                </tr>
              </thead>
              <tbody>
                {keys
                  .filter((one) => !one.revoked)
                  .map((one) => (
                    <tr key={one.id}>
                      <th>{one.name}</th>
                      {SCOPES.map((scope) => {
                        const may = one.scopes.includes(scope) || one.scopes.includes("admin");
                        return (
                          <td key={scope}>
                            {may ? <Icon name="check" /> : null}
                            <span class="read">{may ? t("yes") : t("no")}</span>
                          </td>
                        );
                      })}
                      <td>{one.expires ? moment(one.expires) : t("keys.never")}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
      <Command line={curl("/v1/keys")} />
    </section>
  );
}
