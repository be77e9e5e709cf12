/* The one module of a page: wires the small parts together. Everything works without it. */
import { startAppearance } from "./appearance.js";
import { startAsk } from "./ask.js";
import { startCopy } from "./copy.js";
import { startHistogram } from "./histogram.js";
import { startExports } from "./exports.js";
import { startKeys } from "./keys.js";
import { startLists } from "./lists.js";
import { startLive } from "./live.js";
import { startMenus } from "./menus.js";
import { startRows } from "./rows.js";
import { startTicks } from "./ticks.js";
import { startTimes } from "./times.js";
import { startZone } from "./zone.js";

startAppearance();
startMenus();
startCopy();
startRows();
startLists();
startHistogram();
startExports();
startTicks();
startLive();
startKeys();
startAsk();
startZone();
startTimes();
