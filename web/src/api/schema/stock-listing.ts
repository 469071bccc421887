// Written by `npm run types` from the OpenAPI document of stock-listing.

export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the service and its database are well. */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process is alive; asks nothing else. */
        get: operations["get_livez"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus, in the text form of `OpenMetrics`. */
        get: operations["get_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows which release serves, how it is, and its metrics. */
        get: operations["get_operations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Gives many stocks new prices: an array, or one a line (application/x-ndjson). Each is taken or rejected by itself. */
        put: operations["put_prices"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the service should be sent requests. */
        get: operations["get_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists stocks by symbol. */
        get: operations["get_stocks"];
        put?: never;
        /** Adds a stock to the catalogue. */
        post: operations["post_stocks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stocks/{symbol}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one stock. */
        get: operations["get_stocks_symbol"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stocks/{symbol}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Shows the prices of a stock in candles: the newest ones, by their start.
         * @description An interval in which no price came has no candle.
         */
        get: operations["get_stocks_symbol_history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stocks/{symbol}/price": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the price of a stock. */
        get: operations["get_stocks_symbol_price"];
        /** Gives a stock a new price. */
        put: operations["put_stocks_symbol_price"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Streams prices: first those that changed after `Last-Event-ID` (all without it), then each change.
         * @description A slow reader gets the latest state of what it missed. A comment every 15 s shows that the stream lives.
         */
        get: operations["get_stream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What became of many new prices. */
        BulkResult: {
            /** @description Those that were not. */
            rejected: components["schemas"]["Rejected"][];
            /** @description How many prices were taken. */
            updated: number;
        };
        /** @description The prices of a stock in one interval, or a part of them. */
        Candle: {
            /** @description Last price. */
            c: components["schemas"]["Price"];
            /** @description Highest price. */
            h: components["schemas"]["Price"];
            /** @description Lowest price. */
            l: components["schemas"]["Price"];
            /** @description First price. */
            o: components["schemas"]["Price"];
            /** @description Start of the interval. */
            t: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description How many prices came.
             */
            v: number;
        };
        /** @description What is wrong with one part of a request. */
        FieldError: {
            /** @description What is wrong with it. */
            detail: string;
            /** @description Name of a parameter of the path, the query or the header. */
            parameter?: string | null;
            /** @description JSON pointer (RFC 6901) into the body. */
            pointer?: string | null;
        };
        /** @description How a service does. */
        Figures: {
            /**
             * @description `healthy`, or the code of what is wrong.
             * @example healthy
             */
            health: string;
            /** @description The image that it runs from, by its digest where a release started it. */
            image?: string | null;
            /** @description Its metrics, as `/metrics` has them. */
            metrics: string;
            /**
             * @description Its name.
             * @example trade
             */
            service: string;
            /** @description When it was started. */
            started_at: components["schemas"]["Timestamp"];
            /** @description Its version. */
            version: string;
        };
        /** @description That a service is well. */
        Health: {
            /** @description Its name. */
            service: string;
            /**
             * @description Always `healthy`; a service that is not answers with a problem.
             * @example healthy
             */
            status: string;
            /** @description Its version. */
            version: string;
        };
        /**
         * @description Market capitalisation in millions: a decimal of at most 6 fraction digits.
         * @example 2940000
         */
        MarketCap: number;
        /** @description The new price of one of many stocks. */
        NewPrice: {
            change_pct?: number | string;
            price: number | string;
            /** @description The stock. */
            symbol: components["schemas"]["Symbol"];
        };
        /** @description A stock to be added to the catalogue. */
        NewStock: {
            change_pct?: number | string;
            current_price: number | string;
            market_cap?: components["schemas"]["MarketCap"] | null;
            /** @description The company's name. */
            name: components["schemas"]["StockName"];
            sector?: components["schemas"]["Sector"] | null;
            /** @description Its ticker. */
            symbol: components["schemas"]["Symbol"];
            volume?: number | string;
        };
        /**
         * @description Change in percent: a decimal of at most 4 fraction digits.
         * @example 0.95
         */
        Percent: number;
        /**
         * @description Price of one share: a decimal of at most 4 fraction digits, read from its digits.
         * @example 189.5
         */
        Price: number;
        /** @description An event of the stream. */
        PriceEvent: {
            /** @description The stock's price: a `StockPrice` in JSON. */
            data: string;
            /** @description Always `price`. */
            event: string;
            /** @description The catalogue's version, for `Last-Event-ID`. */
            id?: string | null;
        };
        /** @description A problem document (RFC 9457). */
        Problem: {
            /** @description The kind of problem, for programs; it never changes. */
            code: string;
            /** @description What went wrong this time. */
            detail: string;
            /** @description The parts of the request that are wrong. */
            errors?: components["schemas"]["FieldError"][];
            /** @description Id of the request, as in X-Request-ID. */
            instance: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The kind of problem, for people. */
            title: string;
            /** @description URN of the kind of problem. */
            type: string;
        };
        /** @description A price that was not taken. */
        Rejected: {
            /** @description The kind of problem. */
            code: string;
            /** @description What is wrong with it. */
            detail: string;
            /** @description Which one it was, from 0. */
            index: number;
        };
        /** @example Technology */
        Sector: string;
        /** @description A stock of the catalogue. */
        Stock: {
            /** @description Change of the price since the previous close. */
            change_pct: components["schemas"]["Percent"];
            /** @description Its last price. */
            current_price: components["schemas"]["Price"];
            market_cap?: components["schemas"]["MarketCap"] | null;
            /** @description The company's name. */
            name: components["schemas"]["StockName"];
            sector?: components["schemas"]["Sector"] | null;
            /** @description Its ticker. */
            symbol: components["schemas"]["Symbol"];
            /** @description When the stock was last changed. */
            updated_at: components["schemas"]["Timestamp"];
            /** @description Shares traded in the day. */
            volume: components["schemas"]["Volume"];
        };
        /** @example Apple Inc. */
        StockName: string;
        /** @description The price of a stock alone. */
        StockPrice: {
            /** @description Change of the price since the previous close. */
            change_pct: components["schemas"]["Percent"];
            /** @description Its last price. */
            current_price: components["schemas"]["Price"];
            /** @description The stock's ticker. */
            symbol: components["schemas"]["Symbol"];
            /** @description When the stock was last changed. */
            updated_at: components["schemas"]["Timestamp"];
        };
        /**
         * @description Ticker; lower case is taken as upper case.
         * @example AAPL
         */
        Symbol: string;
        /**
         * Format: date-time
         * @example 2026-01-31T09:30:00.000000Z
         */
        Timestamp: string;
        /**
         * Format: int64
         * @example 52000000
         */
        Volume: number;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_livez: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_operations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Figures"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_prices: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewPrice"][];
            };
        };
        responses: {
            /** @description What became of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BulkResult"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is no JSON by its content type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, stopping, or without its database */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_stocks: {
        parameters: {
            query?: {
                /** @description Only stocks of this sector. */
                sector?: components["schemas"]["Sector"];
                /** @description How many to leave out first. */
                skip?: number;
                /** @description How many to list at the most. */
                limit?: number;
                /** @description Where the page before ended, as its Link says. */
                cursor?: components["schemas"]["Symbol"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of stocks */
            200: {
                headers: {
                    /** @description Tag of this answer, for If-None-Match */
                    ETag?: string;
                    /** @description The next page, rel="next" */
                    Link?: string;
                    /** @description How many stocks there are in all pages */
                    "X-Total-Count"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stock"][];
                };
            };
            /** @description The client has this answer already */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    post_stocks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewStock"];
            };
        };
        responses: {
            201: {
                headers: {
                    /** @description Path of the stock */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stock"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description symbol_exists */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is no JSON by its content type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_stocks_symbol: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                symbol: components["schemas"]["Symbol"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    /** @description Tag of this answer, for If-None-Match */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stock"];
                };
            };
            /** @description The client has this answer already */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_symbol */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_stocks_symbol_history: {
        parameters: {
            query?: {
                interval?: "1m" | "5m" | "1h" | "1d";
                /** @description Only candles that start at this time or after it. */
                from?: components["schemas"]["Timestamp"];
                /** @description Only candles that start before this time. */
                to?: components["schemas"]["Timestamp"];
                /** @description How many to show at the most: the newest of them. */
                limit?: number;
            };
            header?: never;
            path: {
                symbol: components["schemas"]["Symbol"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of candles */
            200: {
                headers: {
                    /** @description The page of older ones, rel="next" */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Candle"][];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_symbol */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_stocks_symbol_price: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                symbol: components["schemas"]["Symbol"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    /** @description Tag of this answer, for If-None-Match */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StockPrice"];
                };
            };
            /** @description The client has this answer already */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_symbol */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_stocks_symbol_price: {
        parameters: {
            query: {
                /** @description The price. */
                price: components["schemas"]["Price"];
                /** @description Its change in percent; computed from the previous close when it is left out. */
                change_pct?: components["schemas"]["Percent"];
            };
            header?: never;
            path: {
                symbol: components["schemas"]["Symbol"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stock at its new price */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stock"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_symbol */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description price_change_too_large */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_stream: {
        parameters: {
            query?: {
                /** @description Only these symbols, separated by commas; all when it is left out. */
                symbols?: string;
            };
            header?: {
                /** @description The last id that was received */
                "Last-Event-ID"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["PriceEvent"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
