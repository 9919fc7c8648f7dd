"""Two small pages for a person with a browser. They load nothing from elsewhere: they work without the Internet."""

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--accent:#0a7d5c}
body{font:16px/1.55 system-ui,sans-serif;max-width:54rem;margin:3rem auto;padding:0 1.2rem}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin:2rem 0 .4rem}
a{color:var(--accent)}code,pre{font:13.5px/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.7rem .9rem;border-radius:6px;overflow-x:auto;white-space:pre-wrap}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.4rem .9rem}
summary{cursor:pointer}.m{display:inline-block;min-width:4.6rem;font-weight:600;color:var(--accent)}
table{border-collapse:collapse;width:100%}td{text-align:left;border-bottom:1px solid var(--line);padding:.25rem .6rem}
.dim{opacity:.7}
"""

HOME = f"""<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>Ringbridge</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style>
<h1>Ringbridge</h1>
<p>Callback calls over your own Asterisk: rings the user, rings the contact, joins the two, and takes the talk from
the user's minutes. This is its HTTP API.</p>
<ul>
<li><a href="docs">The calls of the API</a>, each with a line to try; <a href="openapi.json">openapi.json</a></li>
<li><a href="readyz">Can a call be placed now?</a> · <a href="healthz">Is the process alive?</a> ·
<a href="metrics">Metrics</a></li>
</ul></html>
"""

DOCS = (
    f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Ringbridge API</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style>
<h1>Ringbridge API</h1><p id="about" class="dim">Needs JavaScript; without it, read
<a href="openapi.json">openapi.json</a>.</p>
<p>The lines below want your key in <code>RINGBRIDGE_API_KEY</code>, and some a call's id in <code>CALL</code>.</p>
<div id="all"></div>
"""
    + """<script>
const el=(tag,text,cls)=>{const e=document.createElement(tag)
  if(text)e.textContent=text;if(cls)e.className=cls;return e}
const base=location.href.replace(/docs\\/?([?#].*)?$/,"").replace(/\\/$/,"")
const name=ref=>ref.split("/").pop()
const kind=s=>s.$ref?name(s.$ref):s.enum?s.enum.map(v=>JSON.stringify(v)).join(" | "):s.const!==undefined?
  JSON.stringify(s.const):s.anyOf?s.anyOf.map(kind).join(" | "):s.type==="array"?kind(s.items||{})+"[]":s.type||"any"
function table(schema){const t=el("table");for(const [field,s] of Object.entries(schema.properties||{})){
  const row=t.appendChild(el("tr"));row.append(el("td",field+((schema.required||[]).includes(field)?"":"?")),
  el("td",kind(s)),el("td",s.description||"","dim"))}return t}
const first=s=>{if(s.examples)return s.examples[0];if(s.anyOf)return first(s.anyOf[0]);if(s.enum)return s.enum[0];
  return {string:"…",integer:600,boolean:true,array:[],object:{}}[s.type]}
function curl(method,path,body,told){let line="curl -s";if(method!=="get")line+=" -X "+method.toUpperCase();
  if(path.startsWith("/v1"))line+=' -H "Authorization: Bearer $RINGBRIDGE_API_KEY"';
  if(body){const sample={};for(const f of body.required||[])sample[f]=first(body.properties[f]);
  line+=" -H 'Content-Type: application/json' -d '"+JSON.stringify(sample)+"'"}
  return line+' "'+base+path.replace("{id}","demo").replace("{call_id}","$CALL").replace("{user}","demo")+'"'}
fetch("openapi.json").then(r=>r.json()).then(api=>{
  const shapes=api.components.schemas;document.getElementById("about").textContent=api.info.description
  const all=document.getElementById("all");let tag=""
  for(const [path,ops] of Object.entries(api.paths))for(const [method,op] of Object.entries(ops)){
    if(op.tags&&op.tags[0]!==tag){tag=op.tags[0];all.append(el("h2",tag))}
    const d=all.appendChild(el("details")),s=d.appendChild(el("summary"))
    s.append(el("span",method.toUpperCase(),"m"),el("code",path),el("span"," — "+op.summary,"dim"))
    d.append(el("p",op.description||""))
    const asked=op.requestBody&&op.requestBody.content["application/json"]
    const shape=asked&&(asked.schema.oneOf||[asked.schema])[0]
    const body=shape&&shapes[name(shape.$ref)]
    d.append(el("pre",curl(method,path,body,asked&&asked.example)))
    const ask=(op.parameters||[]).map(p=>p.name+" ("+p.in+")"+(p.description?": "+p.description:""))
    if(ask.length)d.append(el("p",ask.join(" · "),"dim"))
    if(body){d.append(el("p","Body"));d.append(table(body))}
    for(const [status,answer] of Object.entries(op.responses||{})){
      const content=answer.content&&answer.content["application/json"]
      if(content){d.append(el("p",status+" "+answer.description));d.append(table(shapes[name(content.schema.$ref)]))
        if(content.example!==undefined)d.append(el("pre",JSON.stringify(content.example,null,1)))}}
    for(const [status,answer] of Object.entries(op.responses||{}))if(status>=400)
      d.append(el("p",status+" "+answer.description,"dim"))
  }
  all.append(el("h2","shapes"))
  for(const [shape,s] of Object.entries(shapes)){const d=all.appendChild(el("details"))
    d.append(el("summary",shape),el("p",s.description||""),table(s))}
})
</script></html>
"""
)
