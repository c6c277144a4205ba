// A group of planted faults: `where` holds for all of them.
export const planted = (where, faults) =>
  faults.map(([what, gate, find, replace, more]) => ({ route: 'race', ...where, what, gate, find, replace, ...more }));
