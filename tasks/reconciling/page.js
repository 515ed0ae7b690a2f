"use strict";
(() => {
  // How a cell is compared: as a number where it is one, else as text; what is empty stands last.
  const number = (text) => (/^-?[\d,]*\.?\d+$/.test(text) ? Number(text.replaceAll(",", "")) : NaN);
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const keyOf = (cell) => cell.dataset.value ?? cell.textContent.trim();

  const compared = (sort) => (a, b) => {
    if (sort === "t" || sort === "d") return words.compare(a, b);
    const [x, y] = [number(a), number(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) {
      return Number.isNaN(x) - Number.isNaN(y) || words.compare(a, b);
    }
    return x - y;
  };

  const sortBy = (table, at) => {
    const heads = [...table.tHead.rows[0].cells];
    const head = heads[at];
    const first = head.dataset.sort === "n" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const way = head.getAttribute("aria-sort") === first ? other : first;
    heads.forEach((one) => one.setAttribute("aria-sort", one === head ? way : "none"));
    const [compare, sign] = [compared(head.dataset.sort), way === "ascending" ? 1 : -1];
    const keyed = [...table.tBodies[0].rows].map((row) => [keyOf(row.cells[at]), row]);
    keyed.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  };

  document.querySelectorAll("table.rows").forEach((table) => {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      head.firstElementChild.addEventListener("click", () => sortBy(table, at));
    });
  });

  document.querySelectorAll("form.tools").forEach((form) => {
    const rows = [...document.getElementById(form.dataset.for).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const [typed, state, told] = ["input", "select", "output"].map((name) => form.querySelector(name));
    const filter = () => {
      const wanted = typed.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, at) => {
        const fits = (!state.value || row.dataset.state === state.value) && wanted.every((word) => texts[at].includes(word));
        row.hidden = !fits;
        shown += fits;
      });
      told.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filter();
  });

  // On paper everything is open.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
})();
