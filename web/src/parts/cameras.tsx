// The cameras of the operator, and whether their events arrive elsewhere.
import { useState } from "preact/hooks";
import { api, body } from "../api/client";
import { may } from "../api/session";
import { fail } from "../state";
import { coded, moment, t } from "../words";
import { CameraLog } from "./camera_log";
import { Icon, OutcomeIcon } from "./icon";
import { Show, useLoad } from "./states";

interface Delivery {
  way: string;
  delivered: boolean;
  error: string | null;
}

export function Cameras() {
  const [found, again] = useLoad(() => body(api.GET("/v1/cameras")), []);
  const [tried, setTried] = useState<Record<string, Delivery[]>>({});
  const [opened, setOpened] = useState<string | null>(null); // camera whose events are shown
  const attempt = (camera: string) =>
    void body(api.POST("/v1/cameras/{camera}/test", { params: { path: { camera } } })).then((rows) => setTried({ ...tried, [camera]: rows }), fail);
  return (
    <section class="cards part">
      <h2>{t("cameras.title")}</h2>
      <Show of={found} again={again}>
        {(cameras) =>
          cameras.length ? (
            <ul class="cards">
              {cameras.map((one) => (
                <li key={one.name} class="card actions">
                  <Icon name="camera" />
                  <b>{one.name}</b>
                  <span class="small soft grow">
                    {coded("cameras.state", one.state) ?? one.state}
                    {one.last && ` · ${moment(one.last)}`}
                  </span>
                  {may("admin") && (
                    <button class="button tight" onClick={() => attempt(one.name)}>
                      {t("cameras.test")}
                    </button>
                  )}
                  <span role="status" class="small">
                    {tried[one.name]?.length === 0 && t("cameras.nowhere")}
                    {tried[one.name]?.map((each) => (
                      <span key={each.way} class="chips">
                        <OutcomeIcon of={each.delivered ? "match" : "error"} /> {each.way}: {each.delivered ? t("cameras.arrived") : t("cameras.failed", { why: each.error ?? "" })}
                      </span>
                    ))}
                  </span>
                  <div style={{ flexBasis: "100%" }}>
                    <button class="button tight bare" aria-expanded={opened === one.name} onClick={() => setOpened(opened === one.name ? null : one.name)}>
                      <Icon name={opened === one.name ? "down" : "next"} /> {t("live.events")}
                    </button>
                    {opened === one.name && <CameraLog camera={one.name} />}
                  </div>
                </li>
              ))}
            </ul>
          ) : (
            <p class="small soft">{t("cameras.none")}</p>
          )
        }
      </Show>
    </section>
  );
}
