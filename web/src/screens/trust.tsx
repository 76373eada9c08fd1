import { useState } from "preact/hooks";
import { api, body } from "../api/client";
import { galleries, gallery, may } from "../api/session";
import { Calibrate } from "../parts/calibrate";
import { Command } from "../parts/command";
import { CompareModels } from "../parts/compare_models";
import { Icon, OutcomeIcon } from "../parts/icon";
import { OwnErrors } from "../parts/own_errors";
import { RatePlot } from "../parts/rate_plot";
import { curl } from "../parts/shell";
import { Show, useLoad } from "../parts/states";
import { WhoMay } from "../parts/who_may";
import { fail, say } from "../state";
import { bare, coded, moment, number, percent, t } from "../words";

/** How far answers can be trusted: rates, for whom, who looked at whom, and whose weights. */
export function Trust() {
  return (
    <>
      <div class="head">
        <div>
          <h1>{t("trust.title")}</h1>
          <p>{t("trust.lead")}</p>
        </div>
        <div class="actions">
          <button class="button" onClick={() => print()}>
            <Icon name="download" /> {t("trust.print")}
          </button>
        </div>
      </div>
      <div class="sections" key={gallery.value}>
        <Rates />
        {may("review") && <OwnErrors />}
        {may("review") && <CompareModels />}
        {may("review") && <Verdicts />}
        {may("admin") && <WhoMay />}
        {may("admin") && <Journal />}
        <Licences />
      </div>
    </>
  );
}

function Rates() {
  const path = { gallery: gallery.value };
  const [curve, again] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/rates", { params: { path } })), [gallery.value]);
  const [found, more] = useLoad(() => body(api.GET("/v1/galleries/{gallery}/calibration", { params: { path } })), [gallery.value]);
  const warning = galleries.value.find((one) => one.name === gallery.value)?.warning;
  return (
    <>
      <section class="cards">
        <h2>{t("trust.rates")}</h2>
        {warning && (
          <p class="notice">
            <OutcomeIcon of="review" /> {warning}
          </p>
        )}
        <Show of={curve} again={again}>
          {(value) => (
            <>
              <p>{t("trust.rates.text", { n: value.people })}</p>
              <div class="scroll" tabIndex={0}>
                <table>
                  <thead>
                    <tr>
                      <th>{t("trust.strangers")}</th>
                      <th class="n">{t("trust.misses")}</th>
                      <th class="n">{t("trust.interval")}</th>
                      <th>{t("trust.basis")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {value.costs.map((one) => (
                      <tr key={one.rate}>
                        <th>{t("one.in", { n: number(one.strangers) })}</th>
                        <td class="n">{one.misses == null ? t("trust.notmeasured") : percent(one.misses)}</td>
                        <td class="n">{one.misses_low == null || one.misses_high == null ? "" : `${percent(one.misses_low)} – ${percent(one.misses_high)}`}</td>
                        <td>{one.misses == null ? "" : one.extrapolated ? t("trust.extrapolated") : one.between ? t("trust.between") : t("trust.measured")}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              {value.checked_on && <p class="small soft">{t("trust.checked", { n: value.checked_people ?? 0, on: bare(value.checked_on) })}</p>}
              <Command line={curl(`/v1/galleries/${gallery.value}/rates`)} />
            </>
          )}
        </Show>
      </section>
      <section class="cards">
        <h2>{t("trust.promise")}</h2>
        <Show of={found} again={more}>
          {(value) => (
            <>
              <p>{t("trust.promise.text")}</p>
              <RatePlot calibration={value} />
              <Calibrate of={value} again={() => { again(); more(); }} />
              <p class="small soft">
                {t("trust.data", { data: bare(value.data), people: value.people, pairs: value.impostors })}
                {value.ece != null && ` ${t("trust.ece", { n: number(100 * value.ece, 1) })}`}
              </p>
              <Command line={value.command} />
            </>
          )}
        </Show>
      </section>
    </>
  );
}

function Verdicts() {
  const path = { gallery: gallery.value };
  const [found, again] = useLoad(
    async () => ({
      verdicts: await body(api.GET("/v1/galleries/{gallery}/verdicts", { params: { path } })),
      review: await body(api.GET("/v1/review/figures")),
    }),
    [gallery.value],
  );
  return (
    <section class="cards">
      <h2>{t("trust.people")}</h2>
      <p class="soft">{t("trust.people.text")}</p>
      <Show of={found} again={again}>
        {({ verdicts, review }) => (
          <div class="tiles">
            <div class="tile">
              <b>{number(verdicts.right)}</b> {t("trust.right")}
            </div>
            <div class="tile">
              <b>{number(verdicts.wrong)}</b> {t("trust.wrong")}
            </div>
            {review.map((one) => (
              <div key={one.kind} class="tile">
                <b>
                  {number(one.yes)} : {number(one.no)}
                </b>{" "}
                {coded("trust.kind", one.kind)}
              </div>
            ))}
            <div style={{ gridColumn: "1 / -1" }}>
              <Command line={`${curl(`/v1/galleries/${gallery.value}/verdicts`)}\n${curl("/v1/review/figures")}`} />
            </div>
          </div>
        )}
      </Show>
    </section>
  );
}

/** Names by id; the journal has numbers only, so that erased people stay erased. */
async function namesOf(name: string): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  let cursor: string | null | undefined;
  do {
    const query = { limit: 500, hidden: true, ...(cursor ? { cursor } : {}) };
    const page = await body(api.GET("/v1/galleries/{gallery}/people", { params: { path: { gallery: name }, query } }));
    for (const one of page.items) found.set(one.id, one.name);
    cursor = page.next;
  } while (cursor);
  return found;
}

function Journal() {
  const path = { gallery: gallery.value };
  const [cursor, setCursor] = useState<string | null>(null);
  const [found, again] = useLoad(
    () => body(api.GET("/v1/galleries/{gallery}/journal", { params: { path, query: { limit: 20, ...(cursor ? { cursor } : {}) } } })),
    [gallery.value, cursor],
  );
  const [names] = useLoad(() => namesOf(gallery.value), [gallery.value]);
  const known = names.state === "done" ? names.value : new Map<number, string>();
  const verify = async () => {
    try {
      const done = await body(api.POST("/v1/galleries/{gallery}/journal/verify", { params: { path } }));
      if (done.intact) say(t("journal.intact", { n: done.entries }));
      else say(t("journal.broken", { faults: done.faults.join(" ") }), "error");
    } catch (error) {
      fail(error);
    }
  };
  return (
    <section class="cards">
      <div class="actions">
        <h2>{t("journal.title")}</h2>
        <span style={{ flex: 1 }} />
        <button class="button tight" onClick={() => void verify()}>
          <Icon name="trust" /> {t("journal.verify")}
        </button>
      </div>
      <p class="soft">{t("journal.text")}</p>
      <Show of={found} again={again}>
        {(page) => (
          <>
            <div class="scroll" tabIndex={0}>
              <table>
                <thead>
                  <tr>
                    <th class="n">{t("journal.number")}</th>
                    <th>{t("journal.when")}</th>
                    <th>{t("journal.who")}</th>
                    <th>{t("journal.act")}</th>
                    <th>{t("journal.whom")}</th>
                    <th>{t("journal.outcome")}</th>
                    <th>{t("basis.purpose")}</th>
                  </tr>
                </thead>
                <tbody>
                  {page.items.map((one) => (
                    <tr key={one.number}>
                      <td class="n">{one.number}</td>
                      <td>{moment(one.time)}</td>
                      <td>{one.who}</td>
                      <td>{one.act}</td>
                      <td>{one.people.map((id) => known.get(id) ?? t("journal.person", { id: String(id) })).join(", ")}</td>
                      <td>{one.outcome}</td>
                      <td>{one.purpose ?? ""}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <p class="small soft">{t("journal.part", { n: page.items.length, all: page.total })}</p>
            <div class="actions">
              {cursor && (
                <button class="button tight" onClick={() => setCursor(null)}>
                  {t("journal.newest")}
                </button>
              )}
              {page.next && (
                <button class="button tight" onClick={() => setCursor(page.next ?? null)}>
                  {t("journal.older")}
                </button>
              )}
            </div>
            <Command line={`mien gallery journal show --gallery ${gallery.value}.mien`} />
          </>
        )}
      </Show>
    </section>
  );
}

function Licences() {
  const [found, again] = useLoad(() => body(api.GET("/v1/licences")), []);
  return (
    <section class="cards">
      <h2>{t("licences.title")}</h2>
      <p class="soft">{t("licences.text")}</p>
      <Show of={found} again={again}>
        {(rows) => (
          <div class="scroll" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th>{t("licences.name")}</th>
                  <th>{t("licences.licence")}</th>
                  <th>{t("licences.commercial")}</th>
                  <th>{t("licences.trained")}</th>
                </tr>
              </thead>
              <tbody>
                {rows.filter((one, place) => rows.findIndex((each) => each.name === one.name && each.licence === one.licence) === place).map((one) => (
                  <tr key={one.sha256 + one.name}>
                    <th>{one.name}</th>
                    <td>{one.licence}</td>
                    <td>{one.commercial === true ? t("yes") : one.commercial === false ? t("no") : t("unknown")}</td>
                    <td>{one.trained_on}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
      <Command line="mien models ledger" />
    </section>
  );
}
