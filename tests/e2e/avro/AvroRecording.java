// Turns a recording of JsonConverter's messages into what AvroConverter writes for the same data, by
// the converter's own code (AvroData, which Apicurio has from Confluent). One record a line, see
// tests/ingest/recorded_avro.h.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.utils.converter.avro.AvroData;
import io.apicurio.registry.utils.converter.avro.AvroDataConfig;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;

public class AvroRecording {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final Map<String, Integer> ids = new LinkedHashMap<>();
  private final AvroData avro = new AvroData(
      new AvroDataConfig(Map.of("apicurio.registry.schemas.cache.size", 100)));

  public static void main(String[] arguments) throws Exception {
    AvroRecording recording = new AvroRecording();
    for (String line : Files.readAllLines(Path.of(arguments[0]))) {
      if (!line.isBlank()) recording.convert(JSON.readTree(line));
    }
  }

  private void convert(JsonNode record) throws Exception {
    String topic = record.get("topic").asText();
    ObjectNode out = JSON.createObjectNode();
    out.put("topic", topic);
    for (boolean isKey : new boolean[] {true, false}) {
      String side = isKey ? "key" : "value";
      JsonNode text = record.get(side);
      if (text != null && !text.isNull()) out.put(side, framed(topic, isKey, text.asText()));
    }
    System.out.println(JSON.writeValueAsString(out));
  }

  private String framed(String topic, boolean isKey, String text) throws Exception {
    JsonConverter converter = new JsonConverter();
    converter.configure(Map.of("schemas.enable", "true", "replace.null.with.default", "false"), isKey);
    SchemaAndValue data = converter.toConnectData(topic, text.getBytes(StandardCharsets.UTF_8));
    if (data.value() instanceof Struct) restore((Struct) data.value(), JSON.readTree(text).get("payload"));
    Schema schema = avro.fromConnectSchema(data.schema());
    Object value = avro.fromConnectData(data.schema(), data.value());
    String written = schema.toString();
    if (!ids.containsKey(written)) {
      ids.put(written, ids.size() + 1);
      ObjectNode out = JSON.createObjectNode();
      out.put("id", ids.get(written));
      out.put("schema", written);
      System.out.println(JSON.writeValueAsString(out));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.write(ByteBuffer.allocate(5).put((byte) 0).putInt(ids.get(written)).array());
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
    new GenericDatumWriter<Object>(schema, GenericData.get()).write(value, encoder);
    encoder.flush();
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }

  // JsonConverter writes NaN and infinities as strings, and reads these as 0.
  private static void restore(Struct struct, JsonNode json) {
    for (Field field : struct.schema().fields()) {
      JsonNode text = json.get(field.name());
      if (text == null || text.isNull()) continue;
      switch (field.schema().type()) {
        case FLOAT32 -> struct.put(field, Float.parseFloat(text.asText()));
        case FLOAT64 -> struct.put(field, Double.parseDouble(text.asText()));
        case STRUCT -> restore(struct.getStruct(field.name()), text);
        default -> { }
      }
    }
  }
}
