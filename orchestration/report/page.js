// Draws every chart of the page from the specification beside it. `vegaEmbed` is bundled with this script.
const specs = JSON.parse(document.getElementById("specs").textContent);
const views = {};

// A legend beside another would be wider than a phone.
const narrow = { legend: { columns: 1 } };

async function drawAll() {
  for (const id of Object.keys(specs)) {
    const place = document.getElementById(`chart-${id}`);
    try {
      views[id] = (await vegaEmbed(place, specs[id], {
        actions: false,
        renderer: "svg",
        config: place.clientWidth < 600 ? narrow : {},
      })).view;
    } catch (error) {
      place.textContent = "This chart could not be drawn; its table is below.";
      console.error(error);
    }
    // Whoever has begun to read is not kept waiting for what is further down.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

window.routerscope = { views, ready: drawAll() };
