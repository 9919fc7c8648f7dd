"""What a browser loads for a call from a web page: a small script, and a page of ours that uses it. They load nothing
from elsewhere and know no key; docs/click-to-call.md shows how they are used."""

SCRIPT = """\
// Click to call. <script src="https://…/click.js" data-token="rbc_…" data-label="Call us"></script> puts a button in
// its place; Ringbridge.click({token, caller, onstate}) does the same without one.
(function () {
  "use strict";
  var self = document.currentScript, base = new URL(".", self.src).href;
  var zh = /^zh/i.test(self.dataset.lang || document.documentElement.lang || navigator.language || "");
  var WORDS = zh ? {
    queued: "正在呼叫…", ringing_caller: "您的电话正在响铃…", caller_answered: "正在接通对方…",
    ringing_callee: "对方正在响铃…", talking: "通话中", ended: "通话已结束", lost: "正在重新连接…",
    hangup: "挂断", call: "呼叫"
  } : {
    queued: "Calling…", ringing_caller: "Your phone is ringing…", caller_answered: "Connecting…",
    ringing_callee: "Ringing the other side…", talking: "Talking", ended: "Call ended",
    lost: "Reconnecting…", hangup: "Hang up", call: "Call"
  };
  function words(e) { return e.message || WORDS[e.state] || e.state.replace(/_/g, " "); }
  function click(o) {
    var state = "", done = o.onstate || function () {}, source, body = { token: o.token };
    var path = base + "v1/click/" + encodeURIComponent(o.token);
    if (o.caller) body.caller = o.caller;
    function tell(e) { state = e.state; e.words = e.words || words(e); done(e); }
    function ask(method, url, json, tries) {
      return fetch(url, { method: method, headers: json ? { "Content-Type": "application/json" } : {},
        body: json && JSON.stringify(json) }).then(function (r) {
        return r.json().then(function (answer) {
          if (r.ok) return answer;
          throw Object.assign(new Error(answer.message || answer.detail), { problem: answer });
        });
      }).catch(function (e) {  // lost on the way: the same token again is the same call
        if (e.problem || !tries) throw e;
        return new Promise(function (go) { setTimeout(go, 1000); }).then(function () {
          return ask(method, url, json, tries - 1);
        });
      });
    }
    ask("POST", base + "v1/click", body, 3).then(function (call) {
      tell(call);
      if (call.state === "ended") return;
      source = new EventSource(path + "/events");
      source.addEventListener("state", function (m) { tell(JSON.parse(m.data)); });
      source.addEventListener("end", function () { source.close(); });
      source.onerror = function () { if (state !== "ended") done({ state: state, words: WORDS.lost }); };
    }).catch(function (e) { tell({ state: "failed", words: e.message, problem: e.problem }); });
    return { hangUp: function () { return ask("DELETE", path, null, 3); } };
  }
  function button(o, place) {
    var box = document.createElement("span"), b = document.createElement("button");
    var said = document.createElement("span");
    var live = null, label = o.label || WORDS.call;
    box.className = "ringbridge-click"; b.type = "button"; b.textContent = label;
    said.setAttribute("role", "status"); said.style.marginLeft = ".6em";
    box.append(b, said); place.after(box);
    b.onclick = function () {
      if (live) { b.disabled = true; live.hangUp().catch(function () { b.disabled = false; }); return; }
      b.textContent = WORDS.hangup;
      live = click({ token: o.token, caller: o.caller && o.caller(), onstate: function (e) {
        said.textContent = e.words;
        box.dataset.state = e.state;
        if (e.state === "ended" || e.state === "failed") {
          // a token is for one call: only one that placed none may be tried again
          live = null; b.disabled = e.state === "ended"; b.textContent = label;
        }
      } });
    };
  }
  window.Ringbridge = { click: click, button: button };
  if (self.dataset.token) button({ token: self.dataset.token, label: self.dataset.label }, self);
})();
"""

PAGE = """\
<!doctype html><html><meta charset="utf-8"><title>Call</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<style>:root{color-scheme:light dark}
body{font:18px/1.6 system-ui,sans-serif;max-width:28rem;margin:22vh auto 0;padding:0 1.2rem;text-align:center}
button{font:inherit;padding:.6rem 1.6rem;border:0;border-radius:2rem;background:#0a7d5c;color:#fff;cursor:pointer}
button:disabled{background:#8886;cursor:default}[data-state*=ing] button{background:#b3261e}
.ringbridge-click span{display:block;min-height:2em;margin:.8rem 0 0!important}</style>
<p id="here"></p>
<script>
var zh = /^zh/i.test(navigator.language || "");
document.documentElement.lang = zh ? "zh" : "en";
if (zh) document.title = "呼叫";
</script>
<script src="click.js"></script>
<script>
(function () {
  var token = location.hash.slice(1), here = document.getElementById("here");
  if (/^rbc_[\\w-]+$/.test(token)) Ringbridge.button({ token: token }, here);
  else here.textContent = zh ? "链接不完整，请按收到的原链接打开。"
    : "This address is not whole: open it as it was sent to you.";
})();
</script></html>
"""
