// Submits jobs and shows their progress live. A socket that closes before its job is over is opened again: the server
// closes it with 1012 when it is replaced, and the first message after that is the job's state now.
"use strict";

const $ = (id) => document.getElementById(id);
const rows = new Map();
const FINAL = ["done", "failed"];

function note(text) {
  $("note").textContent = text;
}

function answeredBy(who) {
  $("release").textContent = who.release;
  $("replica").textContent = who.replica;
}

function show(job) {
  let row = rows.get(job.id);
  if (!row) {
    row = $("jobs").insertRow(0);
    for (let i = 0; i < 5; i += 1) row.insertCell();
    row.cells[0].textContent = job.id.slice(0, 8);
    row.cells[3].append(Object.assign(document.createElement("progress"), { max: 100 }));
    rows.set(job.id, row);
  }
  if (job.text !== undefined) row.cells[1].textContent = job.text;
  row.cells[2].textContent = job.state;
  row.cells[3].firstChild.value = job.progress;
  row.cells[3].firstChild.textContent = job.progress + " %";
  row.cells[4].textContent = job.worker || "";
}

function watch(id, delay = 250) {
  const url = new URL("ws/?job=" + id, document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  let over = false;
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data);
    show({ id: event.job, state: event.state, progress: event.progress, worker: event.worker });
    over = FINAL.includes(event.state);
    delay = 250;
  };
  socket.onclose = () => {
    if (!over) setTimeout(() => watch(id, Math.min(delay * 2, 5000)), delay);
  };
}

async function call(path, options) {
  const response = await fetch(new URL(path, document.baseURI), options);
  const body = await response.json().catch(() => ({ error: "no answer that can be read" }));
  if (!response.ok) throw new Error(response.status + ": " + (body.error || response.statusText));
  answeredBy(body.answered_by);
  return body;
}

// Without a secure context (plain HTTP to another host) there is no randomUUID.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function submit(key, body, attempt = 1) {
  try {
    return await call("jobs", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body,
    });
  } catch (error) {
    // The key makes a second try harmless: the job is stored once.
    if (attempt >= 3 || /^4/.test(error.message)) throw error;
    await new Promise((resolve) => setTimeout(resolve, attempt * 500));
    return submit(key, body, attempt + 1);
  }
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("submit").disabled = true;
  try {
    const body = JSON.stringify({ text: $("text").value, work_ms: Number($("work").value) });
    const job = await submit(newKey(), body);
    show(job);
    watch(job.id);
    note("");
  } catch (error) {
    note("The job was not accepted. " + error.message);
  } finally {
    $("submit").disabled = false;
  }
});

(async () => {
  try {
    const { jobs } = await call("jobs?limit=10");
    for (const job of jobs.reverse()) {
      show(job);
      if (!FINAL.includes(job.state)) watch(job.id);
    }
  } catch (error) {
    note("The list of jobs is not to be had. " + error.message);
  }
})();
