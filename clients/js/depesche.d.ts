/** A span is a half-open range of code points. */
export type Span = [number, number];
export type Json = Record<string, any>;

export interface TranslateOptions {
  format?: "text" | "html";
  attribute_texts?: boolean;
  glossary?: Record<string, string>;
  glossary_name?: string;
  /** Corrections of earlier translations, as a list or as the content of a correction file. */
  memory?: string | { source: string; target: string; machine?: string }[];
  do_not_translate?: string[];
  source_lang?: string;
  target_lang?: string;
  priority?: "interactive" | "bulk";
  alignment?: boolean;
  /** Number of further translations to search for, from 1 to 5. */
  alternatives?: number;
  facts?: boolean;
  house_style?: HouseStyle;
  /** Text before the translated text, which is not translated. Only some models use it. */
  context?: string;
}

/** The rules of a house style for English texts. */
export interface HouseStyle {
  base?: string;
  spelling?: "british" | "american";
  dates?: "day_month" | "month_day";
  thousands?: "comma" | "thin_space";
  percent?: "sign" | "percent" | "per cent";
  currency?: "sign" | "word";
  units?: "symbol" | "word";
  titles?: "point" | "no_point";
  quotation_marks?: "double" | "single" | "straight";
}

export interface SummaryOptions {
  length?: "short" | "medium" | "long";
  max_chars?: number;
  max_words?: number;
  max_sentences?: number;
  style?: "abstract" | "teaser" | "bullets" | "seo";
  method?: "abstractive" | "extractive" | "lead";
  variants?: number;
}

export interface SummarizeOptions extends SummaryOptions {
  headline?: string;
  headlines?: number;
  facts?: boolean;
  house_style?: HouseStyle;
  target_lang?: string;
  priority?: "interactive" | "bulk";
}

export interface ArticleRequest extends SummaryOptions, Omit<TranslateOptions, "alignment" | "alternatives" | "context"> {
  headline?: string;
  lead?: string;
  body?: string;
  document?: string | Json;
  as?: "docx" | "jsonld" | "ninjs";
  clean?: boolean;
  outputs?: ("summary" | "translation" | "summary_translation" | "headlines")[];
  headlines?: number;
  previous?: { body: string; summary?: string; translation?: string };
}

export interface BatchArticle extends ArticleRequest {
  id?: string;
  timeout_ms?: number;
}

export interface ClientOptions {
  key?: string;
  /** Time limit of one attempt. */
  timeoutMs?: number;
  attempts?: number;
  /** The longest delay before a retry. If the service asks for more, the client throws `Refused`. */
  mostWaitMs?: number;
  fetch?: typeof fetch;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface StreamEvent {
  name: "progress" | "sentence" | "article" | "result";
  data: Json;
}

export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly errors: { pointer: string; code: string; detail: string; limit: number | string | null }[];
}

export function passage(text: string, span: Span): string;

export class Depesche {
  constructor(url?: string, options?: ClientOptions);
  translate(text: string | string[], options?: TranslateOptions, call?: CallOptions): Promise<Json>;
  summarize(text: string | string[], options?: SummarizeOptions, call?: CallOptions): Promise<Json>;
  article(request: ArticleRequest, call?: CallOptions): Promise<Json>;
  articles(articles: BatchArticle[], call?: CallOptions): Promise<Json[]>;
  sendArticle(request: ArticleRequest, call?: CallOptions): Promise<string>;
  sendArticles(articles: BatchArticle[], call?: CallOptions): Promise<string>;
  job(id: string, call?: CallOptions): Promise<Json>;
  wait(id: string, call?: CallOptions & { limitMs?: number }): Promise<Json>;
  streamArticle(request: ArticleRequest, call?: CallOptions): AsyncGenerator<StreamEvent, void>;
  streamArticles(articles: BatchArticle[], call?: CallOptions): AsyncGenerator<StreamEvent, void>;
  models(): Promise<Json[]>;
  isReady(): Promise<boolean>;
}
