// Shows the OpenAPI document of the service that the address names after "#"; user without one.
"use strict";
const links = [...document.querySelectorAll("nav a")];
const services = links.map((link) => link.hash.slice(1));

function show() {
  // Operations of a document have addresses too, "#/punches/…": they stay with the document that is shown.
  const wanted = location.hash.slice(1);
  if (wanted.startsWith("/")) return;
  const service = services.includes(wanted) ? wanted : services[0];
  links.forEach((link) => {
    if (link.hash.slice(1) === service) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  SwaggerUIBundle({
    dom_id: "#document",
    url: `/api/${service}/openapi.json`,
    presets: [SwaggerUIBundle.presets.apis],
    persistAuthorization: false,
    validatorUrl: null,
  });
}

window.addEventListener("hashchange", show);
show();
