"use strict";
(() => {
  const grid = document.getElementById("entries");
  const others = document.getElementById("others");
  const form = document.querySelector(".tools");
  const nav = document.querySelector(".pages");
  const size = Number(grid.dataset.size);
  const all = [...grid.children, ...others.content.children];
  const inFileOrder = [...all].sort((a, b) => a.dataset.number - b.dataset.number);
  let found = all;
  let page = 0;

  function show(focus) {
    const last = Math.max(0, Math.ceil(found.length / size) - 1);
    page = Math.min(Math.max(page, 0), last);
    const start = page * size;
    const part = found.slice(start, start + size);
    grid.replaceChildren(...part);
    const range = `${start + 1} to ${start + part.length} of ${found.length}`;
    document.querySelector(".status").textContent = found.length
      ? `Images ${range}` : "No image matches the search.";
    nav.querySelector(".where").textContent = `Page ${page + 1} of ${last + 1}`;
    nav.querySelector("[data-step='-1']").disabled = page === 0;
    nav.querySelector("[data-step='1']").disabled = page === last;
    nav.hidden = last === 0;
    if (focus) document.getElementById("images").scrollIntoView();
  }

  function filter() {
    const text = form.text.value.trim().toLowerCase();
    const kind = form.kind.value;
    const listed = form.order.value === "file" ? inFileOrder : all;
    found = listed.filter(one =>
      (!text || one.dataset.text.includes(text)) &&
      (!kind || one.dataset.kinds.split(" ").includes(kind)));
    page = 0;
    show(false);
  }

  function turn(step) {
    page += step;
    show(true);
  }

  function open() {
    const match = /^#p(\d+)$/.exec(location.hash);
    const one = match && all.find(each => each.dataset.number === match[1]);
    if (!one) return;
    if (!found.includes(one)) {
      form.reset();
      filter();
    }
    page = Math.floor(found.indexOf(one) / size);
    show(false);
    one.open = true;
    one.scrollIntoView();
    one.querySelector("summary").focus({preventScroll: true});
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  nav.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (button) turn(Number(button.dataset.step));
  });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, select, textarea");
    if (typing) return;
    if (event.key === "/") {
      event.preventDefault();
      form.text.focus();
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      turn(event.key === "ArrowRight" ? 1 : -1);
    }
  });
  window.addEventListener("hashchange", open);
  form.hidden = false;
  show(false);
  open();
})();
