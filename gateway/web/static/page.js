// What every page loads. Everything it does for a person, the page does without it too.

import "./live.js";
import "./in-view.js";
import "./notification.js";
import "./menu.js";
import "./selection.js";
import "./deeds.js";
import "./dialog.js";
import "./keys.js";
import "./replay.js";
import "./copy.js";
import "./desktop-choice.js";
import "./preferences.js";
