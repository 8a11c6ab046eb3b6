import pytest
@pytest.fixture(scope="session")
def spark():
    from pyspark.sql import SparkSession
    spark=SparkSession.builder.remote("sc://127.0.0.1:15002/;user_id=x").create()
    spark.conf.set("spark.sql.variant.allowDuplicateKeys","true")
    return spark
