// Draws every chart of the page from the specification beside it. `vegaEmbed` is bundled with this script.
const specs = JSON.parse(document.getElementById("specs").textContent);
const views = {};

// On a phone, a legend in one row would be too wide, and labels beside points would overlap.
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
    // Yield after each chart, so that the page stays responsive.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

window.routerscope = { views, ready: drawAll() };
