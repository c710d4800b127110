/** Small models that were trained here, their relatives at known distances, and a server over them. */

export { type CorpusStyle, corpus } from './corpus.ts';
export { type LogprobFault, type ModelServer, type ModelServerOptions, startModelServer } from './model-server.ts';
export { type Sampling, type TextModel, type WriteOptions, type WrittenToken, write } from './text-model.ts';
export { SMALL_RECIPE, type StoredType, Zoo, type ZooRecipe, zooOf } from './zoo.ts';
export { bodyOf, compareZoo, planOf, sha256, TWIN_WORST, ZOO_KEY, type ZooComparison } from './zoo-comparison.ts';
