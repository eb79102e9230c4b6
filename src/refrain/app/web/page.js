// The page's own hands: bringing a file, looking how far the jobs are, marking a region, copying.
// Gradio puts HTML into the page and calls these from `js_on_load`; nothing here asks another machine for anything.
(() => {
  const LOOK = 500, IDLE = 1500, HIDDEN = 4000; // milliseconds between two looks at the jobs
  const GRID = 320; // places of a painted mask on its longer side
  const made = (name, facts = {}, ...inside) => {
    const node = Object.assign(document.createElement(name), facts);
    node.append(...inside);
    return node;
  };
  const here = () => document.querySelector("[data-here]")?.dataset ?? {};
  const lasting = (s) => (s < 90 ? `${Math.max(1, Math.round(s))} s` : `${Math.round(s / 60)} min`);
  let kick = () => {};
  let wanted = ""; // the session that opens as soon as it is there

  const STAGES = {
    begin: "starting", read: "reading the clip", render: "rendering the sample", load: "loading the model",
    encode: "looking at the clip", compose: "putting the source back",
  };

  function told(job) {
    if (job.cancelled) return "stopping";
    if (job.state === "waiting") return job.before === 1 ? "next in line" : `${job.before - 1} before this one`;
    const left = job.left === null ? "" : `, about ${lasting(job.left)} left`;
    if (job.stage === "denoise") return `drawing, step ${job.done} of ${job.total}${left}`;
    return (STAGES[job.stage] ?? job.stage) + left;
  }

  // ---- what is going on: one row a job, sentences of what went wrong, a mark that changes when there is news

  function pulse(element, trigger) {
    const now = made("ul"), rest = made("ul"), more = made("summary");
    const queue = made("details", { hidden: true }, more, rest);
    const list = made("div", { className: "jobs" }, now, queue);
    const alerts = made("div", { className: "alerts" });
    const live = made("p", { className: "unseen" });
    live.setAttribute("role", "status");
    alerts.setAttribute("role", "alert");
    element.replaceChildren(alerts, list, live);
    let news = null, of = "", seen = null, spoken = "", timer = 0, lost = false;

    function alertOf(sentence) {
      const close = made("button", { type: "button", textContent: "×", className: "close" });
      close.setAttribute("aria-label", "Dismiss");
      const row = made("p", { className: "alert" }, made("span", { textContent: sentence }), close);
      close.onclick = () => row.remove();
      alerts.replaceChildren(row);
    }

    function row(job) {
      let node = list.querySelector(`[data-job="${job.id}"]`);
      if (!node) {
        const stop = made("button", { type: "button", textContent: "Cancel" });
        stop.onclick = () => fetch(`/own/cancel/${job.id}`, { method: "POST" }).then(look, look);
        stop.setAttribute("aria-label", `Cancel: ${job.title}`);
        node = made("li", {}, made("img", { className: "look", width: 132, height: 88 }),
          made("b", { textContent: job.title }), made("span", { className: "how" }), made("progress", {}), stop);
        node.dataset.job = job.id;
      }
      picture(node.querySelector("img"), job);
      node.querySelector(".how").textContent = told(job);
      const bar = node.querySelector("progress");
      bar.setAttribute("aria-label", job.title);
      if (job.stage === "denoise" && job.total) Object.assign(bar, { max: job.total, value: job.done });
      else bar.removeAttribute("value");
      node.querySelector("button").disabled = job.cancelled;
      return node;
    }

    // What is drawn so far; before that, what is being changed. Its place is kept from the first moment.
    function picture(image, job) {
      const src = job.looks ? `/own/look/${job.id}?${job.looks}` : job.begins;
      if (!src || image.dataset.src === src) return;
      image.dataset.src = src;
      const next = new Image(); // the old one stays until the new one is there
      next.onload = () => {
        if (image.dataset.src !== src) return;
        image.src = src;
        image.alt = job.looks ? `So far, after step ${job.done} of ${job.total}: ${job.title}` : `What is being changed: ${job.title}`;
      };
      next.src = src;
    }

    function show(state, session) {
      const first = state.jobs.find((job) => job.state === "running") ?? state.jobs[0];
      const rows = state.jobs.map(row);
      for (const node of list.querySelectorAll("li")) if (!rows.includes(node)) node.remove();
      rows.forEach((node, n) => {
        const home = state.jobs[n] === first ? now : rest;
        if (node.parentElement !== home) home.append(node);
      });
      queue.hidden = rows.length < 2;
      more.textContent = `${rows.length - 1} more ${rows.length === 2 ? "waits" : "wait"}`;
      const tenth = first?.total ? Math.floor((4 * first.done) / first.total) : 0;
      const word = first ? `${first.title}: ${tenth}${first.stage}${first.state}` : "";
      if (word !== spoken) live.textContent = first ? `${first.title}: ${told(first)}` : spoken ? "Done." : "";
      spoken = word;
      const over = state.over.filter((job) => seen && !seen.has(job.id));
      for (const job of over) if (job.state === "failed") alertOf(job.told);
      seen = new Set([...(seen ?? []), ...state.over.map((job) => job.id)]);
      for (const job of over) if (job.state === "done" && job.gives && job.session === here().session)
        document.querySelector(".region")?.dispatchEvent(new CustomEvent("expected", { detail: `${job.gives}?${job.id}` }));
      if (state.model !== "ready" && state.model !== "loading") alertOf(state.model);
      const model = document.querySelector("#model");
      const waits = state.model === "loading" ? "The model is being loaded; you can begin meanwhile." : "";
      const note = waits || (state.making && !here().session ? "Sample sessions are being made, and open here when they are done." : "");
      if (model && model.textContent !== note) model.textContent = note;
      // Going to another session is no news of it: only the jobs that are over count then, the mark's first two parts.
      if (news !== null && session !== of) news = [...news.split(".").slice(0, 2), ...state.news.split(".").slice(2)].join(".");
      of = session;
      const opened = over.find((job) => job.session === wanted && job.state === "done");
      if (opened) {
        trigger("select", { session: wanted });
        wanted = "";
      } else if (news !== null && state.news !== news) trigger("change");
      if (!opened || news === null) news = state.news;
      return state.jobs.length > 0;
    }

    async function look() {
      clearTimeout(timer);
      let wait = IDLE;
      try {
        const session = here().session ?? "";
        const answer = await fetch(`/own/state?session=${session}`);
        if (answer.ok) {
          if (lost) alerts.replaceChildren();
          lost = false;
          if (show(await answer.json(), session)) wait = LOOK;
        }
      } catch {
        if (!lost) alertOf("The server does not answer. What was finished is kept; this page goes on by itself when it is back.");
        lost = true;
      }
      clearTimeout(timer);
      timer = setTimeout(look, document.hidden ? HIDDEN : wait);
    }
    kick = () => look();
    document.addEventListener("visibilitychange", () => !document.hidden && look());
    look();
  }

  // ---- bringing a file

  function bring(element) {
    const input = element.querySelector("input[type=file]"), drop = element.querySelector(".drop");
    const said = element.querySelector(".said"), bar = element.querySelector("progress");
    const first = element.querySelector(".first");
    const most = Number(drop.dataset.most);
    const tell = (text, bad = false) => {
      said.textContent = text;
      said.classList.toggle("bad", bad);
    };
    function send(file) {
      if (!file) return;
      if (file.size > most) return tell(`${file.name} has ${Math.ceil(file.size / 1048576)} MB; ${most / 1048576} MB is the most here. Cut it first.`, true);
      const asked = new URLSearchParams({ name: file.name });
      for (const field of element.querySelectorAll("input[name]")) if (field.value) asked.set(field.name, field.value);
      const way = new XMLHttpRequest();
      way.open("POST", `/own/upload?${asked}`);
      way.upload.onprogress = (event) => Object.assign(bar, { max: event.total, value: event.loaded });
      way.onloadend = () => {
        bar.hidden = true;
        input.value = "";
        if (way.status === 200) {
          const { session } = JSON.parse(way.responseText);
          wanted = session;
          first.src = `/own/view/${session}/source.jpg`;
          first.hidden = false;
          tell(`${file.name} is here, and is being opened.`);
          kick();
        } else tell(way.responseText || "The file did not arrive; try again.", true);
      };
      bar.hidden = false;
      bar.removeAttribute("value");
      first.hidden = true;
      tell(`Bringing ${file.name}`);
      way.send(file);
    }
    input.onchange = () => send(input.files[0]);
    for (const name of ["dragover", "dragenter"]) drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
      else tell("That is no file; save it first, then drop it here.", true);
    });
  }

  // ---- lists of buttons that each stand for a turn or a session

  function pick(element, trigger) {
    element.addEventListener("click", (event) => {
      const hit = event.target.closest("[data-turn], [data-open], [data-remove], [data-copy]");
      if (!hit) return;
      if (hit.dataset.copy !== undefined) return copy(hit);
      if (hit.dataset.remove !== undefined) {
        if (confirm("Remove this clip and everything that was made of it?")) trigger("clear", { session: hit.dataset.remove });
      } else if (hit.dataset.open !== undefined) trigger("select", { session: hit.dataset.open });
      else trigger("select", { turn: Number(hit.dataset.turn) });
    });
  }

  async function copy(button) {
    const text = button.parentElement.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector("pre"));
      button.textContent = "Selected; press Ctrl+C";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }

  // ---- a region: a box to pull, a brush, or four numbers

  function region(element, trigger) {
    const old = element.querySelector(".region");
    if (!old || old.dataset.ready) return;
    const root = old.cloneNode(true); // Gradio changes what is there in place, and leaves what was heard and typed
    old.replaceWith(root);
    root.dataset.ready = "yes";
    const canvas = root.querySelector("canvas"), brush = canvas.getContext("2d", { willReadFrequently: true });
    const wide = Number(root.dataset.wide), high = Number(root.dataset.high);
    const share = Math.min(1, GRID / Math.max(wide, high));
    canvas.width = Math.max(1, Math.round(wide * share));
    canvas.height = Math.max(1, Math.round(high * share));
    const numbers = [...root.querySelectorAll("input[name=side]")], width = root.querySelector("input[name=width]");
    const said = root.querySelector(".said");
    let box = null, painted = false, start = null, last = null;
    for (const field of numbers) field.value = "";
    const tool = () => root.querySelector("input[name=tool]:checked").value;
    const at = (event) => {
      const place = canvas.getBoundingClientRect();
      const x = ((event.clientX - place.left) / place.width) * canvas.width;
      const y = ((event.clientY - place.top) / place.height) * canvas.height;
      return [Math.min(canvas.width, Math.max(0, x)), Math.min(canvas.height, Math.max(0, y))];
    };
    const clear = () => brush.clearRect(0, 0, canvas.width, canvas.height);
    const COLOUR = "rgb(255, 92, 0)";

    function draw() {
      clear();
      if (!box) return;
      brush.fillStyle = COLOUR;
      brush.fillRect(box[0] * share, box[1] * share, (box[2] - box[0]) * share, (box[3] - box[1]) * share);
    }
    function runs() {
      const level = brush.getImageData(0, 0, canvas.width, canvas.height).data, found = [];
      let value = 0, count = 0;
      for (let n = 3; n < level.length; n += 4) {
        const now = level[n] > 127 ? 1 : 0;
        if (now !== value) { found.push(count); count = 0; value = now; }
        count += 1;
      }
      found.push(count);
      return found;
    }
    function tell() {
      numbers.forEach((field, n) => (field.value = box ? box[n] : ""));
      const mask = painted ? { wide: canvas.width, high: canvas.height, runs: runs() } : null;
      said.textContent = box ? `Only the box ${box.join(", ")} may change.` : painted ? "Only what is painted may change." : "Everything may change.";
      trigger("input", { region: box || painted ? JSON.stringify({ box, mask }) : "" });
    }
    function stroke(from, to) {
      brush.globalCompositeOperation = tool() === "erase" ? "destination-out" : "source-over";
      brush.strokeStyle = COLOUR;
      brush.lineCap = "round";
      brush.lineWidth = Math.max(1, (Number(width.value) / 100) * Math.min(canvas.width, canvas.height));
      brush.beginPath();
      brush.moveTo(...from);
      brush.lineTo(...to);
      brush.stroke();
      brush.globalCompositeOperation = "source-over";
    }
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      start = last = at(event);
      if (tool() === "box") painted = false;
      else {
        if (box) { box = null; painted = true; }
        painted = true;
        stroke(last, [last[0] + 0.01, last[1]]);
      }
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) return;
      const now = at(event);
      if (tool() === "box") {
        const sides = [Math.min(start[0], now[0]), Math.min(start[1], now[1]), Math.max(start[0], now[0]), Math.max(start[1], now[1])];
        const whole = sides.map((side) => Math.round(side / share));
        box = whole[2] > whole[0] && whole[3] > whole[1] ? [whole[0], whole[1], Math.min(wide, whole[2]), Math.min(high, whole[3])] : null;
        draw();
      } else stroke(last, now);
      last = now;
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => {
      if (start) { start = null; tell(); }
    });
    numbers.forEach((field) => field.addEventListener("change", () => {
      const sides = numbers.map((each) => Number(each.value));
      if (numbers.some((each) => each.value === "")) return;
      if (!(sides[0] < sides[2] && sides[1] < sides[3] && sides[2] <= wide && sides[3] <= high && Math.min(...sides) >= 0)) {
        said.textContent = `A box is left, top, right, bottom within ${wide} × ${high}.`;
        return;
      }
      box = sides.map(Math.round);
      painted = false;
      draw();
      tell();
    }));
    root.querySelector("[data-clear]").onclick = () => { box = null; painted = false; clear(); tell(); };
    const expect = root.querySelector("[data-expect]");
    if (expect) expect.onclick = () => trigger("select", {});
    root.addEventListener("expected", (event) => paint(event.detail));
    const matte = root.querySelector("[data-matte]");
    if (matte) matte.onclick = () => paint(matte.dataset.matte);
    function paint(address) {
      const picture = new Image();
      picture.onload = () => {
        clear();
        brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
        const pixels = brush.getImageData(0, 0, canvas.width, canvas.height);
        for (let n = 0; n < pixels.data.length; n += 4) {
          const on = pixels.data[n] > 40;
          pixels.data.set([255, 92, 0, on ? 255 : 0], n);
        }
        brush.putImageData(pixels, 0, 0);
        box = null;
        painted = true;
        tell();
      };
      picture.src = address;
    }
  }

  window.refrain = { pulse, bring, pick, region, kick: () => kick(), open: (session) => { wanted = session; kick(); } };
})();
