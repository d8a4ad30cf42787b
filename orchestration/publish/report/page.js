// Draws every chart of the page from the specification beside it. `vegaEmbed` is bundled with this script.
const specs = JSON.parse(document.getElementById("specs").textContent);
const views = {};

// One beside another, names would be wider than a phone; those beside points would lie over one another.
function forPhone(spec) {
  spec.config.legend.columns = 1;
  if (spec.layer) spec.layer = spec.layer.filter((layer) => layer.mark.type !== "text");
}

async function drawAll() {
  for (const id of Object.keys(specs)) {
    const place = document.getElementById(`chart-${id}`);
    if (place.clientWidth < 600) forPhone(specs[id]);
    try {
      views[id] = (await vegaEmbed(place, specs[id], { actions: false, renderer: "svg" })).view;
    } catch (error) {
      place.textContent = "This chart could not be drawn; its table is below.";
      console.error(error);
    }
    // Whoever has begun to read is not kept waiting for what is further down.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

window.routerscope = { views, ready: drawAll() };
