// The page: its tabs, the layout's first, and what they show.

import { h, text } from "./dom.js";
import { Feed } from "./feed.js";
import { Model } from "./model.js";
import { CommandsView } from "./commands_view.js";
import { ComponentsView } from "./components_view.js";
import { LogsView } from "./logs_view.js";
import { OverviewView } from "./overview_view.js";
import { WorksView } from "./works_view.js";
import { LayoutTabs } from "./layout_tabs.js";
import { Tabs } from "./tabs.js";

const LOGGED_OUT = [
  "You are not logged in, or your login has ended. Open the link that ", h("code", {}, "flowctl run"),
  " printed, or get a new one: ", h("code", {}, "flowctl login"), ", beside the app.",
];

const model = new Model();
const feed = new Feed();
const own = [
  ["overview", "Overview", new OverviewView(model)],
  ["components", "Components", new ComponentsView(model)],
  ["works", "Works & runs", new WorksView(model)],
  ["logs", "Logs", new LogsView(model, feed)],
  ["commands", "Commands", new CommandsView(model)],
].map(([id, title, view]) => ({ id, title, view }));
const layoutTabs = new LayoutTabs();
const tabs = new Tabs(document.getElementById("tabs"), document.getElementById("content"));

let drawnLayout = "";
function draw() {
  text(document.getElementById("app-name"), model.app.name);
  document.title = `${model.app.name} · flowrpc`;
  text(document.getElementById("role"), model.role && !model.mayCall ? "read only" : "");
  if (!model.layout) return; // its tabs come first: what is chosen without them would stay chosen
  const layout = JSON.stringify(model.layout);
  if (layout !== drawnLayout) {
    drawnLayout = layout;
    tabs.set([...layoutTabs.take(model.layout), ...own]);
  }
  tabs.draw();
}

function tell(status) {
  const badge = document.getElementById("connection");
  badge.className = `badge ${{ live: "running", "logged out": "failed" }[status] ?? "pending"}`;
  text(badge, status);
  document.body.classList.toggle("stale", status !== "live");
  const notice = document.getElementById("notice");
  if (status === "logged out") notice.replaceChildren(...LOGGED_OUT);
  else if (status === "reconnecting") notice.replaceChildren("The app does not answer. What you see is as it was; this page goes on by itself when the app is back.");
  notice.hidden = !["logged out", "reconnecting"].includes(status);
}

model.addEventListener("change", draw);
feed.addEventListener("status", ({ detail }) => tell(detail));
setInterval(() => { if (!document.hidden && feed.status === "live") tabs.draw(); }, 1000); // durations go on
model.follow(feed);
feed.start();
