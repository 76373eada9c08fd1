import { useState } from "preact/hooks";
import { api, body } from "../api/client";
import { gallery, may } from "../api/session";
import type { NewBasis, Person } from "../api/types";
import { fail } from "../state";
import { moment, t } from "../words";
import { BasisFields } from "./ask";
import { Show, useLoad } from "./states";

/** The legal bases of a person: for what, since when, until when. */
export function Bases({ person }: { person: Person }) {
  const path = { gallery: gallery.value, person: person.id };
  const [found, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/people/{person}/bases", { params: { path } })), [person.id]);
  const [given, setGiven] = useState<NewBasis | null>(null);
  const attempt = (task: () => Promise<unknown>) => void task().then(again, fail);
  return (
    <section class="cards" style={{ marginTop: "40px" }}>
      <h2>{t("basis.list")}</h2>
      <Show of={found} again={again}>
        {(bases) => (
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th>{t("basis.purpose")}</th>
                  <th>{t("basis.ground")}</th>
                  <th>{t("basis.given")}</th>
                  <th>{t("basis.ends")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {bases.map((one) => (
                  <tr key={one.id}>
                    <th>{one.purpose}</th>
                    <td>{one.ground}</td>
                    <td>{one.given ? moment(one.given) : ""}</td>
                    <td>{one.withdrawn ? t("basis.withdrawn", { when: moment(one.withdrawn) }) : one.ends ? moment(one.ends) : t("basis.open")}</td>
                    <td>
                      {one.valid && may("enrol") && (
                        <button class="button tight" onClick={() => attempt(() => api.POST("/v1/galleries/{gallery}/people/{person}/bases/withdraw", { params: { path }, body: { purpose: one.purpose } as never }))}>
                          {t("basis.withdraw")}
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
      {may("enrol") && (
        <details>
          <summary>{t("basis.add")}</summary>
          <BasisFields onBasis={setGiven} />
          <button class="button" disabled={!given} onClick={() => given && attempt(() => api.POST("/v1/galleries/{gallery}/people/{person}/bases", { params: { path }, body: given }))}>
            {t("basis.add")}
          </button>
        </details>
      )}
    </section>
  );
}
