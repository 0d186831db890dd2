// The inbox kept open: time left counts on, the list looks again, answers take one key.
// Everything here also works without it, by links and forms.
"use strict";
(() => {
  const LOOK_EVERY = 30000, COUNT_EVERY = 15000, OFF = "keys off";

  // As handoff/standing.py says a length of time.
  function length(milliseconds) {
    const all = Math.max(1, Math.round(milliseconds / 60000));
    const days = Math.floor(all / 1440), hours = Math.floor((all % 1440) / 60);
    const parts = [[days, "day"], [hours, "hour"], [days ? 0 : all % 60, "minute"]];
    return parts.filter(([count]) => count)
      .map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`).slice(0, 2).join(" ");
  }

  function count() {
    for (const time of document.querySelectorAll("time[data-due]")) {
      const left = new Date(time.dateTime) - Date.now();
      time.textContent = `${length(Math.abs(left))} ${left > 0 ? "left" : "late"}`;
      time.classList.toggle("late", left <= 0);
      time.closest("li")?.classList.toggle("late", left <= 0);
    }
  }

  // Not under somebody's fingers: while a form is open, or a field has the focus, the list stays.
  function lookAgain() {
    const busy = document.hidden || document.querySelector("[data-open]") ||
      document.activeElement.matches("input, select, textarea");
    if (!busy && document.getElementById("look")) htmx.trigger("#look", "look");
  }

  function step(by) {
    const rows = [...document.querySelectorAll(".leads a")];
    const focused = rows.indexOf(document.activeElement);
    const here = focused >= 0 ? focused : rows.findIndex((row) => row.ariaCurrent === "true");
    const next = rows[Math.min(rows.length - 1, Math.max(0, here + by))];
    if (next) next.focus();
  }

  function press(key) {
    const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!target) return false;
    if (target.matches("input")) target.focus(); else target.click();
    return true;
  }

  function help() {
    const keys = document.getElementById("keys");
    keys.open = !keys.open;
    if (keys.open) keys.querySelector("summary").focus();
  }

  const DO = {j: () => step(1), k: () => step(-1), "?": help};

  function keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const field = event.target.matches("input:not([type=radio]):not([type=checkbox]), select, textarea");
    if (event.key === "Escape") {
      if (field) event.target.blur();
      else press("Escape");
      return;
    }
    if (field || localStorage.getItem(OFF)) return;
    if (DO[event.key]) DO[event.key]();
    else if (event.key.length !== 1 || !press(event.key)) return;
    event.preventDefault();
  }

  function mayTurnOff() {
    const on = document.getElementById("keys-on");
    on.checked = !localStorage.getItem(OFF);
    on.addEventListener("change", () => {
      if (on.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "1");
    });
  }

  // What was swapped in begins where it asks to: htmx moves the focus only to what had it.
  document.addEventListener("htmx:afterSettle", () => {
    count();
    const first = document.querySelector("[data-open] [autofocus]");
    if (first && !first.closest("[data-open]").contains(document.activeElement)) first.focus();
  });
  document.addEventListener("keydown", keyed);
  mayTurnOff();
  count();
  setInterval(count, COUNT_EVERY);
  setInterval(lookAgain, LOOK_EVERY);
})();
