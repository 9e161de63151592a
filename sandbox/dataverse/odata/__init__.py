"""The query language of the Web API: text → tokens → tree → SQL. What is not understood is refused."""
